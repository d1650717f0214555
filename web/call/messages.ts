/**
 * What pages tell one another over the data channel of each pair, as JSON. The sender is a stranger's browser: what
 * does not read is ignored, and what is too long is cut.
 */

export const CHANNEL = 'page';

export const MAX_NAME_LENGTH = 40;
export const MAX_TEXT_LENGTH = 4000;

/** Who somebody is and what they send now; told when a channel opens and after every change. */
export interface Profile {
  readonly type: 'profile';
  readonly name: string;
  readonly isMuted: boolean;
  /** Ids of the MediaStreams that are sent: they tell a camera from a screen. Absent: not sent. */
  readonly camera?: string;
  readonly screen?: string;
}

export interface ChatText {
  readonly type: 'chat';
  readonly text: string;
}

export type PageMessage = Profile | ChatText;

export function encode(message: PageMessage): string {
  return JSON.stringify(message);
}

export function decode(data: string | ArrayBuffer): PageMessage | undefined {
  if (typeof data !== 'string') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { type, name, isMuted, camera, screen, text } = value as Record<string, unknown>;
  if (type === 'chat' && typeof text === 'string' && text.trim() !== '') {
    return { type, text: text.slice(0, MAX_TEXT_LENGTH) };
  }
  if (type !== 'profile' || typeof name !== 'string' || typeof isMuted !== 'boolean') return undefined;
  return {
    type,
    name: name.trim().slice(0, MAX_NAME_LENGTH),
    isMuted,
    ...(typeof camera === 'string' && { camera }),
    ...(typeof screen === 'string' && { screen }),
  };
}
