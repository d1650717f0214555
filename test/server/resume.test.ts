import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { WebSocket } from 'ws';
import type { NumberedMessage, Ready, ServerMessage } from '../../src/protocol/server.ts';
import { type CutKind, type CutPoint, FaultyProxy, type Passage } from '../support/proxy.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { Session } from '../support/session.ts';
import { within } from '../support/wait.ts';

/**
 * Exactly once, in order: a sender streams numbered messages to a receiver whose connection is cut again and
 * again, at any byte, in either direction, and which takes its session up each time.
 */

/** Fewer where all rooms are in another thread: what is proved there does not depend on where a socket is cut. */
const RUNS = process.env.BLOOM_TEST_ROUTER === 'remote' ? 30 : 100;
const CUTS = 30;
/** Fewer than an outbox holds: nothing may be lost. */
const MAX_OUTSTANDING = 150;
/** Generous: these are waits for what comes for certain. */
const SOON = 20_000;

/** One connection of the receiver: what happens while it lasts, and how it ends. */
interface Step {
  /** Messages the sender sends meanwhile. */
  readonly burst: number;
  /** Length of each. */
  readonly size: number;
  /** Messages the receiver sends once it has its session. */
  readonly answers: number;
  /** Where the connection is cut, if it gets that far; otherwise it is cut once all has arrived. */
  readonly at: CutPoint;
  readonly kind: CutKind;
  /** Bytes forwarded at a time; 0: as they come. */
  readonly slice: number;
  /** Whether the receiver lets go of its old socket only once the next one is open. */
  readonly overlap: boolean;
}

/** A cut anywhere but within a Ready, and the token in it: that has tests of its own. */
const elsewhere: fc.Arbitrary<CutPoint> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({ direction: fc.constant('down'), part: fc.constant('head'), bytes: fc.nat(200) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ direction: fc.constant('up'), part: fc.constant('head'), bytes: fc.nat(200) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ direction: fc.constant('up'), part: fc.constant('frame'), bytes: fc.nat(200) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      direction: fc.constant('down'),
      part: fc.constant('after'),
      bytes: fc.oneof(fc.nat(300), fc.nat(20_000)),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ direction: fc.constant('up'), part: fc.constant('after'), bytes: fc.nat(600) }),
  },
) as fc.Arbitrary<CutPoint>;

const withinReady: fc.Arbitrary<CutPoint> = fc.record({
  direction: fc.constant('down'),
  part: fc.constant('frame'),
  bytes: fc.nat(600),
});

const stepsCut = (cutPoint: fc.Arbitrary<CutPoint>) =>
  fc.array(stepCut(cutPoint), { minLength: CUTS, maxLength: CUTS });
const stepCut = (cutPoint: fc.Arbitrary<CutPoint>): fc.Arbitrary<Step> =>
  fc.record({
    burst: fc.oneof(fc.nat(4), fc.nat(40)),
    size: fc.oneof(fc.nat(100), fc.nat(3000)),
    answers: fc.nat(4),
    at: cutPoint,
    kind: fc.constantFrom<CutKind>('end', 'reset', 'silent', 'client', 'server'),
    slice: fc.constantFrom(0, 0, 1, 7, 100),
    overlap: fc.boolean(),
  });

let generous: TestServer;
let tight: TestServer;
/** Of all runs. */
const total = { cuts: 0, byteCuts: 0, resumes: 0, relays: 0, refusals: 0, failedHandshakes: 0 };

beforeAll(async () => {
  const env = {
    HEARTBEAT_INTERVAL_MS: '100', // the least: pongs acknowledge while connections come and go
    LOG_LEVEL: 'error',
  };
  generous = await startServer({ ...env, RATE_LIMIT_MESSAGES: '100000' });
  tight = await startServer({ ...env, RATE_LIMIT_MESSAGES: '25', RATE_LIMIT_WINDOW_MS: '5' });
});
afterAll(async () => {
  await generous.stop();
  await tight.stop();
});

/** The number a relay carries: the same in all three of them. */
function numberOf(message: ServerMessage): number {
  const text = message.type === 'IceCandidate' ? message.candidate : (message as { sdp: string }).sdp;
  return Number.parseInt(text, 10);
}

/** The one whose connections break. It checks everything it hears as it hears it. */
class Receiver {
  readonly #url: URL;
  /** Numbers of the relays heard, in order. */
  readonly relays: number[] = [];
  id = '';
  resumes = 0;
  /** Hellos sent whose Ready did not come. */
  unanswered = 0;
  /** Everything sent in the session, Hello not counted. */
  readonly #sent: object[] = [];
  answers = 0;
  /** How many of its messages were refused, which it is to be told of whatever happens. */
  refusals = 0;
  #token: string | undefined;
  #lastSeq = 0;
  #socket: WebSocket | undefined;
  #wake: () => void = () => {};
  problem: Error | undefined;

  constructor(url: URL) {
    this.#url = url;
  }

  /**
   * Connects and takes the session up, or opens one. Settles with whether it has got that far; `isCut` settles
   * when there is no use in waiting, since the proxy may have cut it off and told nobody.
   */
  async connect(isCut: Promise<unknown> = new Promise(() => {})): Promise<boolean> {
    const socket = new WebSocket(this.#url);
    socket.on('error', () => {});
    const closed = new Promise<boolean>((resolve) => {
      socket.on('close', () => resolve(false));
    });
    const over = Promise.race([closed, isCut.then(() => false)]);
    const opened = new Promise<boolean>((resolve) => {
      socket.on('open', () => resolve(true));
    });
    if (!(await within(SOON, 'open or close', Promise.race([opened, over])))) {
      socket.terminate();
      return false;
    }
    // From here on nothing more is heard on the old one, so that `last_seq` is the last.
    await this.letGo();
    this.#socket = socket;
    const ready = new Promise<boolean>((resolve) => {
      socket.on('message', (data) => {
        if (socket !== this.#socket) return;
        this.#hear(JSON.parse(data.toString()));
        resolve(true);
      });
    });
    const resumption = this.#token && { resume_token: this.#token, last_seq: this.#lastSeq };
    socket.send(JSON.stringify({ type: 'Hello', ...resumption }), () => {});
    const hasSession = await within(SOON, 'Ready or close', Promise.race([ready, over]));
    if (!hasSession) this.unanswered += 1;
    return hasSession;
  }

  /** Ends its socket; what has arrived on it is heard first. */
  async letGo(): Promise<void> {
    const socket = this.#socket;
    if (socket !== undefined && socket.readyState !== WebSocket.CLOSED) {
      const closed = new Promise((resolve) => socket.on('close', resolve));
      socket.terminate();
      await closed;
    }
    this.#socket = undefined;
  }

  send(message: object): void {
    this.#sent.push(message);
    this.#socket?.send(JSON.stringify(message), () => {});
  }

  /** Sends numbered messages: those that are lost with the connection go again. */
  answer(to: string, count: number): void {
    for (let i = 0; i < count; i++) {
      this.send({ type: 'Answer', to, sdp: `${this.answers} ${'a'.repeat(this.answers % 200)}` });
      this.answers += 1;
    }
  }

  /** Settles when the server has read all that was sent, and what it said to it is heard. */
  async settled(): Promise<void> {
    const socket = this.#socket as WebSocket;
    const answered = new Promise((resolve) => socket.once('pong', resolve));
    socket.ping();
    await within(SOON, 'a pong', answered);
  }

  /** Settles when as many relays have been heard. */
  async heard(count: () => number): Promise<void> {
    while (this.problem === undefined && this.relays.length < count()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.problem !== undefined) throw this.problem;
  }

  wake(): void {
    this.#wake();
  }

  #hear(message: ServerMessage): void {
    try {
      if (message.type === 'Ready') this.#welcome(message);
      else this.#take(message as NumberedMessage);
    } catch (error) {
      this.problem ??= error as Error;
    }
    this.#wake();
  }

  #welcome(ready: Ready): void {
    if (this.#token !== undefined) {
      expect(ready).toMatchObject({ resumed: true, participant_id: this.id });
      expect(ready).not.toHaveProperty('lost');
      expect(ready.resume_token).not.toBe(this.#token);
      expect(ready.received).toBeLessThanOrEqual(this.#sent.length);
      for (const missing of this.#sent.splice(ready.received as number)) this.send(missing);
      this.resumes += 1;
    }
    this.id = ready.participant_id;
    this.#token = ready.resume_token;
  }

  #take(message: NumberedMessage): void {
    expect(message.seq).toBe(this.#lastSeq + 1);
    this.#lastSeq = message.seq;
    if (message.type === 'Error') this.refusals += 1;
    if (!('from' in message)) return;
    const number = numberOf(message);
    expect(number).toBeGreaterThan(this.relays.at(-1) ?? -1);
    this.relays.push(number);
  }
}

/** A whole run: one room, one sender, one receiver, and as many cuts as there are steps. */
async function run(server: TestServer, steps: readonly Step[]): Promise<void> {
  const proxy = await FaultyProxy.listen(server.wsUrl);
  const sender = await Session.open(server.wsUrl);
  const { room_id } = await sender.client.createRoom();
  const receiver = new Receiver(proxy.wsUrl);
  let sent = 0;
  const refusals = () =>
    sender.numbered.filter((message) => message.type === 'Error' && message.code === 'RateLimited').length;
  /** How many messages were accepted, which is known once all have been answered. */
  const accepted = () => sent - refusals();

  const send = async (count: number, size: number) => {
    for (let i = 0; i < count && sent - receiver.relays.length < MAX_OUTSTANDING; i++, sent++) {
      const text = `${sent} ${'x'.repeat(size)}`;
      if (sent % 3 === 0) sender.client.send({ type: 'Offer', to: receiver.id, sdp: text });
      else sender.client.send({ type: 'IceCandidate', to: receiver.id, candidate: text });
    }
    await sender.client.settled();
    receiver.wake();
  };

  try {
    // The first connection is not cut: there is a session only once its Ready has come.
    expect(await receiver.connect()).toBe(true);
    receiver.send({ type: 'JoinRoom', room_id });
    await sender.client.nextOf('RoomParticipants');

    for (const { burst, size, answers, at, kind, slice, overlap } of steps) {
      if (!overlap) await receiver.letGo();
      const isReady = Promise.withResolvers<void>();
      const isCut = Promise.withResolvers<void>();
      let passage: Passage | undefined;
      let isOver = false;
      proxy.onPassage = (each) => {
        passage = each;
        if (slice > 0) each.slice = slice;
        // Behind Ready is where the client has heard it, too: what is in between has a test of its own.
        if (at.part !== 'after') each.cutAt(at, kind);
        else if (at.direction === 'down') each.cutAt(at, kind, isReady.promise);
        void each.hasBeenCut.then(() => {
          if (!isOver) total.byteCuts += 1;
          isCut.resolve();
        });
      };
      const streamed = send(burst, size);
      const hasSession = await receiver.connect(isCut.promise);
      if (hasSession) {
        isReady.resolve();
        if (at.part === 'after' && at.direction === 'up') passage?.cutAt(at, kind);
        receiver.answer(sender.id, answers);
        const arrived = streamed.then(() => receiver.heard(accepted));
        await within(SOON, 'the cut, or all that was sent', Promise.race([isCut.promise, arrived]));
        arrived.catch(() => {}); // it may wait for ever
      } else total.failedHandshakes += 1;
      await streamed;
      isOver = true;
      passage?.cut(kind);
      total.cuts += 1;
      if (receiver.problem !== undefined) throw receiver.problem;
    }

    proxy.onPassage = () => {};
    await receiver.letGo();
    expect(await receiver.connect()).toBe(true);
    await send(1, 0);
    await within(SOON, 'all that was sent', receiver.heard(accepted));
    await receiver.settled();
    await sender.client.settled();
    check(sender, receiver, sent, refusals());
    total.resumes += receiver.resumes;
    total.relays += receiver.relays.length;
    total.refusals += refusals();
  } finally {
    receiver.send({ type: 'LeaveRoom' });
    sender.client.close();
    await receiver.letGo();
    await proxy.close();
  }
}

function check(sender: Session, receiver: Receiver, sent: number, refusals: number): void {
  expect(receiver.relays).toHaveLength(sent - refusals);
  if (refusals === 0) expect(receiver.relays).toEqual(Array.from({ length: sent }, (_, i) => i));
  // The sender, whose own connection is whole, heard of every return, and never of a departure.
  const heard = sender.numbered;
  expect(heard.map(({ seq }) => seq)).toEqual(heard.map((_, i) => i + 1));
  const types = heard.map(({ type }) => type).filter((type) => type.startsWith('Peer'));
  const returns = types.filter((type) => type === 'PeerResumed').length;
  // Where a Hello was not answered, the Ready may have been lost on its way: only the sender knows of that return.
  expect(returns).toBeGreaterThanOrEqual(receiver.resumes);
  expect(returns).toBeLessThanOrEqual(receiver.resumes + receiver.unanswered);
  expect(types.filter((type) => type === 'PeerDisconnected')).toEqual([]);
  types.forEach((type, i) => {
    if (type === 'PeerInterrupted') expect(types[i + 1]).toBe('PeerResumed');
  });
  const answers = heard.flatMap((message) => (message.type === 'Answer' ? [numberOf(message)] : []));
  expect(answers).toEqual([...new Set(answers)].sort((a, b) => a - b));
  expect(answers).toHaveLength(receiver.answers - receiver.refusals);
}

/** A failure names its seed and path. It is not shrunk: no run is the same twice, to the byte. */
const once = (numRuns: number) => ({ numRuns, endOnFailure: true });

test(`over ${RUNS} runs of ${CUTS} cuts every relay arrives exactly once, in order`, async () => {
  const property = fc.asyncProperty(fc.boolean(), stepsCut(elsewhere), (isTight, steps) =>
    run(isTight ? tight : generous, steps),
  );
  await fc.assert(property, once(RUNS));
  expect(total.cuts).toBe(RUNS * CUTS);
  // The runs were what they are meant to be.
  expect(total.byteCuts).toBeGreaterThan(total.cuts / 2);
  expect(total.resumes).toBeGreaterThan(total.cuts / 2);
  expect(total.failedHandshakes).toBeGreaterThan(total.cuts / 20);
  expect(total.refusals).toBeGreaterThan(0);
}, 240_000);

describe('a Ready that does not arrive whole', () => {
  test('is said again: the client has only the token it had', async () => {
    const proxy = await FaultyProxy.listen(generous.wsUrl);
    try {
      const alice = await Session.open(generous.wsUrl);
      const { room_id } = await alice.client.createRoom();
      const bob = await Session.open(generous.wsUrl);
      await bob.client.joinRoom(room_id);
      await bob.lose();
      alice.client.send({ type: 'Offer', to: bob.id, sdp: 'must arrive' });
      await alice.client.settled();
      for (const bytes of [0, 1, 3, 100, 300]) {
        proxy.onPassage = (passage) => passage.cutAt({ direction: 'down', part: 'frame', bytes }, 'end');
        await expect(bob.resume(proxy.wsUrl)).rejects.toThrow('closed before the next message');
      }
      const again = await bob.resume(generous.wsUrl);
      expect(again.ready).toMatchObject({ resumed: true, participant_id: bob.id });
      expect(await again.client.nextOf('Offer')).toMatchObject({ sdp: 'must arrive' });
    } finally {
      await proxy.close();
    }
  });

  test('makes no difference: every relay arrives exactly once, in order', async () => {
    const anywhere = fc.oneof({ weight: 4, arbitrary: elsewhere }, { weight: 1, arbitrary: withinReady });
    const property = fc.asyncProperty(stepsCut(anywhere), (steps) => run(generous, steps));
    await fc.assert(property, once(RUNS / 5));
  }, 240_000);
});
