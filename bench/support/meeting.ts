import { randomUUID } from 'node:crypto';
import { setTimeout as rest } from 'node:timers/promises';
import { addressOf } from './load.ts';
import { RawSocket } from './raw-socket.ts';
import { offerSdp } from './sdp.ts';
import type { Kind, Meeting, Message, Speaker } from './speakers.ts';

/**
 * Rooms that meet as people do: they come one after another, every pair exchanges an offer, an answer and candidates
 * each way, and then all leave. Each person keeps to the pace, which is below the rate limit of seed 000.
 */

export interface MeetingOptions {
  readonly people: number;
  /** From one newcomer's seat to the next one's connect. */
  readonly arriveMs: number;
  /** Messages a second that one person sends at most. */
  readonly pace: number;
  /** Candidates each way in a pair, besides the empty one that ends them. */
  readonly candidates: number;
}

/** 28 pairs with 14 messages each. A pace of 16 leaves room for the jitter of a busy machine: 20 a second is the limit. */
export const EIGHT: MeetingOptions = { people: 8, arriveMs: 500, pace: 16, candidates: 5 };

export interface Outcome {
  /** Milliseconds from the write of an answer to its arrival. */
  readonly answers: number[];
  /** Milliseconds from the connect to the seat. */
  readonly joins: number[];
  /** Messages sent, joins and leaves included. */
  readonly sent: number;
  /** Relays that did not arrive. */
  readonly lost: number;
}

const OFFER = offerSdp(0);
const CANDIDATE =
  'candidate:842163049 1 udp 1677729535 203.0.113.77 46154 typ srflx raddr 192.168.178.20 rport 46154 ' +
  'generation 0 ufrag Qk3x network-id 1 network-cost 10';
const TICK_MS = 5;
/** After the last newcomer: the exchange takes some seconds, a server that is too busy some more. */
const GIVE_UP_MS = 30_000;
/** After so many connections the first addresses have rested for long enough. */
const ADDRESSES_LAST_FOR = 400_000;

/** Sends what waits, one message a person at a time. */
class Pace {
  readonly #waiting = new Set<Person>();
  readonly #timer = setInterval(() => this.#tick(), TICK_MS);

  add(person: Person): void {
    this.#waiting.add(person);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const at = performance.now();
    for (const person of this.#waiting) if (!person.sendNext(at)) this.#waiting.delete(person);
  }
}

interface Waiting {
  readonly kind: Kind;
  readonly to: string;
  readonly text: string;
}

/** One member of a room. */
class Person {
  id = '';
  sent = 0;
  received = 0;
  readonly #speaker: Speaker;
  readonly #room: Room;
  readonly #queue: Waiting[] = [];
  #socket: RawSocket | undefined;
  #nextAt = 0;
  #seated: (() => void) | undefined;

  constructor(speaker: Speaker, room: Room) {
    this.#speaker = speaker;
    this.#room = room;
  }

  /** Connects; settles when the server has let this person in. The offers to the others are then under way. */
  async enter(base: URL, localAddress: string): Promise<void> {
    const path = await this.#speaker.path(base, this.#room.meeting);
    const { subprotocol } = this.#speaker;
    const seated = new Promise<void>((resolve) => {
      this.#seated = resolve;
    });
    const socket = await RawSocket.connect(new URL(path, base), { subprotocol, localAddress });
    this.#socket = socket;
    socket.onFrame = (bytes, start, end) => this.#hear(bytes.subarray(start, end));
    for (const payload of socket.takeWaiting()) this.#hear(payload);
    for (const message of this.#speaker.opening?.(this.#room.meeting) ?? []) this.#say(message);
    await Promise.race([seated, this.#room.failed]);
  }

  /** Sends the next message if it is due. False: nothing waits. */
  sendNext(at: number): boolean {
    const next = this.#queue[0];
    if (next === undefined) return false;
    if (at < this.#nextAt) return true;
    this.#queue.shift();
    this.#nextAt = Math.max(this.#nextAt, at - TICK_MS) + 1000 / this.#room.options.pace;
    if (next.kind === 'Answer') this.#room.answered(this.id, next.to, at);
    this.#say(this.#speaker.relay(next.kind, next.to, next.text));
    return true;
  }

  leave(): void {
    const message = this.#speaker.leaving?.(this.#room.meeting);
    if (message !== undefined && this.#socket?.isClosed === false) this.#say(message);
    this.#socket?.end();
  }

  #say(message: Message): void {
    this.sent += 1;
    this.#socket?.send(message);
  }

  #hear(payload: Buffer): void {
    const heard = this.#speaker.read(payload, this.#room.meeting);
    switch (heard?.type) {
      case undefined:
        return;
      case 'refused':
        this.#room.refusals.set(heard.why, (this.#room.refusals.get(heard.why) ?? 0) + 1);
        return;
      case 'say':
        return this.#say(heard.message);
      case 'seated':
        this.id = heard.id;
        if (heard.room !== undefined) this.#room.meeting.id = heard.room;
        for (const other of heard.others) this.#describe('Offer', other);
        this.#seated?.();
        return;
      case 'Offer':
        this.received += 1;
        this.#describe('Answer', heard.from);
        return;
      case 'Answer':
        this.#room.heardAnswer(heard.from, this.id);
    }
    this.received += 1;
  }

  #describe(kind: Kind, to: string): void {
    this.#queue.push({ kind, to, text: OFFER });
    for (let i = 0; i < this.#room.options.candidates; i += 1)
      this.#queue.push({ kind: 'IceCandidate', to, text: CANDIDATE });
    this.#queue.push({ kind: 'IceCandidate', to, text: '' });
    this.#room.pace.add(this);
  }
}

/** One room from its first newcomer until all have left. */
class Room {
  readonly meeting: Meeting & { members: string[] } = { id: randomUUID(), members: [] };
  readonly options: MeetingOptions;
  readonly pace: Pace;
  readonly people: Person[] = [];
  readonly answers: number[] = [];
  readonly joins: number[] = [];
  /** How often the server refused a message, by its reason. */
  readonly refusals = new Map<string, number>();
  /** Rejects when somebody's seat takes too long. */
  readonly failed: Promise<never>;
  readonly #answeredAt = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(pace: Pace, options: MeetingOptions) {
    this.pace = pace;
    this.options = options;
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    this.failed = promise;
    const ms = GIVE_UP_MS + options.people * options.arriveMs;
    this.#timer = setTimeout(() => reject(new Error(`a room was not complete after ${ms} ms`)), ms);
  }

  /** Each pair: two descriptions, and candidates each way with their end. */
  get expected(): number {
    const { people, candidates } = this.options;
    return people * (people - 1) * (candidates + 2);
  }

  async run(base: URL, speak: () => Speaker, address: () => string): Promise<void> {
    try {
      for (let i = 0; i < this.options.people; i += 1) {
        if (i > 0) await rest(this.options.arriveMs);
        const person = new Person(speak(), this);
        this.people.push(person);
        const startedAt = performance.now();
        await person.enter(base, address());
        this.joins.push(performance.now() - startedAt);
        this.meeting.members.push(person.id);
      }
      const giveUpAt = performance.now() + GIVE_UP_MS;
      while (this.received < this.expected && performance.now() < giveUpAt) await rest(50);
    } finally {
      clearTimeout(this.#timer);
      for (const person of this.people) person.leave();
    }
  }

  get received(): number {
    return this.people.reduce((sum, { received }) => sum + received, 0);
  }

  answered(from: string, to: string, at: number): void {
    this.#answeredAt.set(`${from} ${to}`, at);
  }

  heardAnswer(from: string, to: string): void {
    const at = this.#answeredAt.get(`${from} ${to}`);
    if (at !== undefined) this.answers.push(performance.now() - at);
  }
}

let connections = 0;
const nextAddress = () => addressOf(connections++ % ADDRESSES_LAST_FOR);

/** Starts `rooms` rooms, so many a second, evenly; settles when all have met and left. A room that fails counts as lost. */
export async function meet(
  base: URL,
  speak: () => Speaker,
  load: { readonly rooms: number; readonly perSecond: number },
  options: MeetingOptions = EIGHT,
): Promise<Outcome> {
  const pace = new Pace();
  const startedAt = performance.now();
  const rooms: Room[] = [];
  const running: Promise<unknown>[] = [];
  for (let i = 0; i < load.rooms; i += 1) {
    await rest(Math.max(0, startedAt + (1000 * i) / load.perSecond - performance.now()));
    const room = new Room(pace, options);
    rooms.push(room);
    running.push(room.run(base, speak, nextAddress).catch((error) => process.stderr.write(`${error}\n`)));
  }
  await Promise.all(running);
  pace.stop();
  for (const [why, count] of rooms.flatMap(({ refusals }) => [...refusals]))
    process.stderr.write(`${count} messages of a room were refused: ${why}\n`);
  const people = rooms.flatMap((room) => room.people);
  return {
    answers: rooms.flatMap((room) => room.answers),
    joins: rooms.flatMap((room) => room.joins),
    sent: people.reduce((sum, { sent }) => sum + sent, 0),
    lost: rooms.reduce((sum, room) => sum + room.expected - room.received, 0),
  };
}
