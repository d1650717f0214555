import type { RelayRequest } from '../protocol/client.ts';
import type { ParticipantId, Ready } from '../protocol/server.ts';
import { SignalingError } from './errors.ts';
import type { Pacer } from './pacer.ts';
import type { RoomState } from './room.ts';
import type { CallOptions } from './types.ts';

/** Relays that may wait; the next is rejected with `RateLimited`. */
const MAX_QUEUE = 1000;
const MAX_LINE_INDEX = 65_535;

/** Where somebody stands who sends a relay. */
export interface Standing {
  /** Set once the client is closed. */
  readonly closed: SignalingError | undefined;
  readonly selfId: ParticipantId | undefined;
  readonly room: RoomState | undefined;
  readonly limits: Ready['limits'] | undefined;
}

/** Offers, answers and candidates on their way out: those that the server would refuse do not set out. */
export class Relays {
  readonly #pacer: Pacer;
  readonly #standing: () => Standing;

  constructor(pacer: Pacer, standing: () => Standing) {
    this.#pacer = pacer;
    this.#standing = standing;
  }

  /** Settles when it was handed to the socket. */
  async send(message: RelayRequest, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const { to } = message;
    const text = JSON.stringify(message);
    this.#check(message, text);
    const settled = new AbortController();
    try {
      await new Promise<void>((sent, dropped) => {
        const frame = { to, text, isDescription: message.type !== 'IceCandidate', sent, dropped };
        signal?.addEventListener(
          'abort',
          () => this.#pacer.drop((each) => each === frame, signal.reason),
          settled,
        );
        this.#pacer.push(frame);
      });
    } finally {
      settled.abort();
    }
  }

  /** Those to whoever is in no room with this client any more are not sent. */
  dropStrays(): void {
    const present = this.#standing().room?.participants ?? [];
    const absent = new SignalingError('ParticipantNotFound', 'The participant left, or you did.');
    this.#pacer.drop(({ to }) => to !== undefined && !present.includes(to), absent);
  }

  /** The session is gone that they belonged to. */
  forget(): void {
    const gone = new SignalingError('Lost', 'The session had ended, and the relays that waited with it.');
    this.#pacer.drop(({ to }) => to !== undefined, gone);
  }

  #check(message: RelayRequest, text: string): void {
    const { closed, selfId, room, limits } = this.#standing();
    const { to } = message;
    const refuse = (code: SignalingError['code'], about: string) => {
      throw new SignalingError(code, about, to);
    };
    if (closed !== undefined) throw closed;
    const problem = problemOf(message);
    if (problem !== undefined) return refuse('InvalidPayload', problem);
    if (room === undefined || limits === undefined) {
      return refuse('InvalidPayload', 'You are outside a room: create or join one first.');
    }
    if (to === selfId || !room.participants.includes(to)) {
      return refuse('ParticipantNotFound', `The participant ${to} is not in this room.`);
    }
    const bytes = new TextEncoder().encode(text).length;
    const { max_payload_bytes: most } = limits;
    if (bytes > most) {
      return refuse('InvalidPayload', `The frame has ${bytes} bytes; the server takes ${most} at most.`);
    }
    if (this.#pacer.size >= MAX_QUEUE) refuse('RateLimited', `${MAX_QUEUE} relays already wait to be sent.`);
  }
}

/** What the server would refuse, from callers without types: machines/seat.ts counts on that it refuses nothing. */
function problemOf(message: RelayRequest): string | undefined {
  if (message.type !== 'IceCandidate') {
    return typeof message.sdp === 'string'
      ? undefined
      : 'sdp must be a string: give the property sdp of the description.';
  }
  const { candidate, sdpMid, sdpMLineIndex: index, usernameFragment } = message;
  if (typeof candidate !== 'string') return 'candidate must be a string.';
  if (typeof (sdpMid ?? '') !== 'string') return 'sdpMid must be a string.';
  if (typeof (usernameFragment ?? '') !== 'string') return 'usernameFragment must be a string.';
  const isIndex = Number.isInteger(index ?? 0) && (index ?? 0) >= 0 && (index ?? 0) <= MAX_LINE_INDEX;
  return isIndex ? undefined : `sdpMLineIndex must be an integer from 0 to ${MAX_LINE_INDEX}.`;
}
