import { CheckFailed, type Pace, Participant } from './participant.ts';

/** What a server allows. The checks adapt to it. */
export interface Limits extends Pace {
  readonly capacity: number;
  readonly maxPayloadBytes: number;
  readonly roomIdleMs: number;
  readonly resumeGraceMs: number;
}

/** The server under test. */
export interface Target {
  readonly url: URL;
  readonly limits: Limits;
  readonly offersSessions: boolean;
}

/** The limits in docs/protocol.md, for a server that does not tell its own. */
export const PROTOCOL_LIMITS: Limits = {
  capacity: 8,
  messages: 20,
  windowMs: 1000,
  maxPayloadBytes: 65_536,
  roomIdleMs: 60_000,
  resumeGraceMs: 15_000,
};

/**
 * Sends Hello to learn the server's limits. `known` stands over them; the protocol's limits fill the gaps. Throws
 * CheckFailed when the server does not accept the connection.
 */
export async function explore(url: URL, known: Partial<Limits>, patienceMs: number): Promise<Target> {
  const participant = await Participant.connect(url, patienceMs);
  try {
    await participant.send('{"type":"Hello"}', PROTOCOL_LIMITS, true);
    const told = readReady(await participant.next());
    return { url, limits: { ...PROTOCOL_LIMITS, ...told, ...known }, offersSessions: told !== undefined };
  } catch (error) {
    if (!(error instanceof CheckFailed)) throw error;
    return { url, limits: { ...PROTOCOL_LIMITS, ...known }, offersSessions: false };
  } finally {
    participant.close(1000);
    await participant.closed().catch(() => {});
    participant.breakOff();
  }
}

/** The limits in a Ready, as far as they can be some; undefined when the answer is anything else. */
function readReady(text: string): Partial<Limits> | undefined {
  const { type, limits, resume_grace_ms } = tryParse(text);
  if (type !== 'Ready') return undefined;
  const { room_capacity, messages, window_ms, max_payload_bytes } = (limits ?? {}) as Record<string, unknown>;
  const told = {
    capacity: room_capacity,
    messages,
    windowMs: window_ms,
    maxPayloadBytes: max_payload_bytes,
    resumeGraceMs: resume_grace_ms,
  };
  const isLimit = (name: string, value: unknown) =>
    Number.isSafeInteger(value) && (value as number) >= (name === 'resumeGraceMs' ? 0 : 1);
  return Object.fromEntries(Object.entries(told).filter(([name, value]) => isLimit(name, value)));
}

function tryParse(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
