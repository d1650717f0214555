import { type Actor, createActor, type InspectionEvent } from 'xstate';
import type { ClientMessage } from '../protocol/client.ts';
import type { ErrorCode } from '../protocol/codes.ts';
import type { RoomId } from '../protocol/server.ts';
import { SignalingError } from './errors.ts';
import { type Request, type SeatDecision, type SeatEvent, seatMachine } from './machines/seat.ts';
import type { Frame, Pacer } from './pacer.ts';
import type { RoomState } from './room.ts';
import type { CallOptions } from './types.ts';
import { type ChartLogic, runChart } from './xstate/chart.ts';

const seatLogic = runChart(seatMachine);

/** What a call asks for. */
export type SeatCall = Extract<SeatEvent, { type: 'enter' | 'leave' }>;

/** A call that waits for its turn, or for its answer. */
interface Call {
  readonly event: SeatCall;
  resolve(room: RoomState | undefined): void;
  reject(reason: unknown): void;
}

export interface SeatHost {
  /** After every change of `room`. */
  roomChanged(before: RoomState | undefined): void;
  /** An Error that answers no call. */
  failed(error: SignalingError): void;
}

/**
 * Calls to create, join and leave, in the order they were made: one is under way at a time. Performs what machines/seat.ts
 * decides: asks the server, and settles the calls.
 */
export class Seat {
  readonly #actor: Actor<ChartLogic<typeof seatMachine>>;
  readonly #pacer: Pacer;
  readonly #host: SeatHost;
  /** Calls whose turn has not come. */
  #waiting: Call[] = [];
  /** The call under way, if its caller still waits for it. */
  #call: Call | undefined;
  /** Of the call under way, until it is handed to the socket. */
  #frame: Frame | undefined;
  #room: RoomState | undefined;
  /** Another page may go on with the session: its ids are others. */
  readonly #ids = Math.random().toString(36).slice(2, 8);
  #count = 0;
  /** Of the latest create or join, and of the latest Ping. */
  #requestId: string | undefined;
  #pingId: string | undefined;

  constructor(pacer: Pacer, host: SeatHost, inspect: ((event: InspectionEvent) => void) | undefined) {
    this.#pacer = pacer;
    this.#host = host;
    this.#actor = createActor(seatLogic, { id: 'seat', ...(inspect && { inspect }) });
    this.#actor.on('*', (decision) => this.#perform(decision as SeatDecision));
    this.#actor.subscribe(() => this.#follow());
    this.#actor.start();
  }

  /** The room, as last heard. */
  get room(): RoomState | undefined {
    return this.#room;
  }

  get isInside(): boolean {
    return this.#actor.getSnapshot().value === 'inside';
  }

  get isOutside(): boolean {
    return this.#actor.getSnapshot().value === 'outside';
  }

  /** Whether somebody waits to be asked for. */
  get isWanted(): boolean {
    return this.#waiting.length > 0;
  }

  /** Settles when the server has answered, or rejects with the reason of the signal when that aborts. */
  async call(event: SeatCall, { signal }: CallOptions): Promise<RoomState | undefined> {
    const settled = new AbortController();
    try {
      return await new Promise((resolve, reject) => {
        const call: Call = { event, resolve, reject };
        const abort = () => {
          reject(signal?.reason);
          this.#withdraw(call);
        };
        signal?.addEventListener('abort', abort, settled);
        this.#waiting.push(call);
      });
    } finally {
      settled.abort();
    }
  }

  /** What was heard of the server. */
  tell(event: Exclude<SeatEvent, SeatCall>): void {
    this.#actor.send(event);
  }

  /** Begins the next call, if the server can be asked and nothing else is. */
  advance(): void {
    if (this.#call !== undefined || !(this.isInside || this.isOutside) || !this.#pacer.isOpen) return;
    this.#call = this.#waiting.shift();
    if (this.#call !== undefined) this.#actor.send(this.#call.event);
  }

  /** Asks which room this client is in, which also makes the server say something. */
  probe(): void {
    this.#pingId = this.#newId();
    this.#pacer.push({ text: JSON.stringify({ type: 'Ping', request_id: this.#pingId }) });
  }

  /** Shows the server by a frame that its Ready was heard: until then it keeps the former token. */
  confirm(): void {
    if (this.isInside || this.isOutside) this.probe();
  }

  /** The answer to a Ping. Only the latest counts: the client may have asked for a room after the ones before. */
  ponged(requestId: string, roomId: RoomId | null): void {
    if (requestId === this.#pingId) this.tell({ type: roomId === null ? 'foundOutside' : 'foundInside' });
  }

  /** This client was let into a room. Outside a room this answers a request that was forgotten. */
  admitted(requestId: string | undefined): void {
    if (this.isOutside || requestId === this.#requestId) this.tell({ type: 'admitted' });
  }

  /** An Error, and the request that it answers. */
  refused(requestId: string | undefined, code: ErrorCode, message: string): void {
    if (requestId !== undefined && requestId !== this.#requestId) return; // its call is over
    this.tell({ type: requestId === undefined ? 'troubled' : 'refused', code, message });
  }

  /** Over, for good. */
  end(error: SignalingError): void {
    this.#takeCall()?.reject(error);
    for (const call of this.#waiting.splice(0)) call.reject(error);
    this.#actor.send({ type: 'closed' });
  }

  #perform(decision: SeatDecision): void {
    switch (decision.type) {
      case 'ask':
        this.#requestId = this.#newId();
        return this.#askServer({ ...messageOf(decision.request), request_id: this.#requestId });
      case 'askLeave':
        return this.#askServer({ type: 'LeaveRoom' });
      case 'leaveAgain':
        return this.#pacer.push({ text: JSON.stringify({ type: 'LeaveRoom' }) });
      case 'probe':
        return this.probe();
      case 'settle':
        return this.#takeCall()?.resolve(this.#actor.getSnapshot().context.room);
      case 'reject': {
        const error = new SignalingError(decision.code, decision.message);
        return decision.request?.isReturn ? this.#host.failed(error) : this.#takeCall()?.reject(error);
      }
      case 'report':
        return this.#host.failed(new SignalingError(decision.code, decision.message));
    }
  }

  #newId(): string {
    this.#count += 1;
    return `${this.#ids}-${this.#count}`;
  }

  /** Sends what is asked for, and tells the actor when that is done. */
  #askServer(message: ClientMessage): void {
    const frame: Frame = {
      text: JSON.stringify(message),
      sent: () => this.#actor.send({ type: 'sent' }),
    };
    this.#frame = frame;
    this.#pacer.push(frame);
  }

  /** The call under way is over. */
  #takeCall(): Call | undefined {
    const call = this.#call;
    this.#call = undefined;
    return call;
  }

  /** Its caller does not want it any more. What the server has heard already, the machine undoes. */
  #withdraw(call: Call): void {
    this.#waiting = this.#waiting.filter((each) => each !== call);
    if (this.#call !== call) return;
    this.#call = undefined;
    const isUnsent = this.#pacer.drop((frame) => frame === this.#frame);
    this.#actor.send({ type: isUnsent ? 'withdrawn' : 'unwanted' });
  }

  #follow(): void {
    const before = this.#room;
    this.#room = this.#actor.getSnapshot().context.room;
    if (this.#room !== before) this.#host.roomChanged(before);
    this.#pacer.flush();
    this.advance();
  }
}

function messageOf({ roomId, createIfMissing }: Request): ClientMessage {
  if (roomId === undefined) return { type: 'CreateRoom' };
  return { type: 'JoinRoom', room_id: roomId, ...(createIfMissing && { create_if_missing: true }) };
}
