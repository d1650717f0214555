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

/**
 * A name as it is shown: on one line, without what turns the text around it, cut. Empty if nothing of it is seen.
 */
export function nameIn(text: string): string {
  const line = text.replace(/\p{Bidi_Control}/gu, '').replace(/[\p{Cc}\s]+/gu, ' ');
  const name = cut(line.trim(), MAX_NAME_LENGTH);
  return /[^\s\p{Default_Ignorable_Code_Point}]/u.test(name) ? name : '';
}

/** Not in the middle of a character. */
export function cut(text: string, length: number): string {
  return text.length > length ? text.slice(0, length).replace(/\p{Surrogate}$/u, '') : text;
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
    return { type, text: cut(text, MAX_TEXT_LENGTH) };
  }
  if (type !== 'profile' || typeof name !== 'string' || typeof isMuted !== 'boolean') return undefined;
  return {
    type,
    name: nameIn(name),
    isMuted,
    ...(typeof camera === 'string' && { camera }),
    ...(typeof screen === 'string' && { screen }),
  };
}
