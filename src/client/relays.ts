import type { RelayRequest } from '../protocol/client.ts';
import type { ParticipantId, Ready } from '../protocol/server.ts';
import { SignalingError } from './errors.ts';
import type { Pacer } from './pacer.ts';
import type { RoomState } from './room.ts';
import type { CallOptions } from './types.ts';

/** The most relays that wait. The next one is rejected with `RateLimited`. */
const MAX_QUEUE = 1000;
const MAX_LINE_INDEX = 65_535;

/** The sender of a relay: its id, its room and its limits. */
export interface RelayContext {
  /** Set once the client is closed. */
  readonly closed: SignalingError | undefined;
  readonly selfId: ParticipantId | undefined;
  readonly room: RoomState | undefined;
  readonly limits: Ready['limits'] | undefined;
}

/** Sends offers, answers and candidates. Rejects those that the server would refuse, before they are sent. */
export class Relays {
  readonly #pacer: Pacer;
  readonly #context: () => RelayContext;

  constructor(pacer: Pacer, context: () => RelayContext) {
    this.#pacer = pacer;
    this.#context = context;
  }

  /** Resolves when the relay is handed to the socket. */
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

  /** Drops waiting relays to participants that are not in this client's room any more. */
  dropUndeliverable(): void {
    const present = this.#context().room?.participants ?? [];
    const absent = new SignalingError('ParticipantNotFound', 'The participant left, or you did.');
    this.#pacer.drop(({ to }) => to !== undefined && !present.includes(to), absent);
  }

  /** Drops all waiting relays, because their session has ended. */
  forget(): void {
    const gone = new SignalingError('Lost', 'The session had ended, and the relays that waited with it.');
    this.#pacer.drop(({ to }) => to !== undefined, gone);
  }

  #check(message: RelayRequest, text: string): void {
    const { closed, selfId, room, limits } = this.#context();
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

/** Why the server would refuse the message. Callers without types can send anything; machines/seat.ts needs a valid relay. */
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
