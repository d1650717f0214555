import type { Writable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import type { WebSocket } from 'ws';
import { Outgoing } from '../../../src/codec/outgoing.ts';
import { CLOSE_CODES } from '../../../src/protocol/codes.ts';
import { QueueBudget } from '../../../src/socket/queue-budget.ts';
import { Turn } from '../../../src/socket/turn.ts';
import { Sender } from '../../../src/transport/ws/sender.ts';
import { codec, textOf } from '../../support/codec.ts';
import { turnIsOver } from '../../support/wait.ts';

const MAX_QUEUE_BYTES = 1000;
const hello = new Outgoing({ type: 'PeerConnected', participant_id: 'a' });
const helloText = textOf(hello);

/** As much of a WebSocket, and of the stream below it, as a sender needs. */
class FakeSocket {
  readonly OPEN = 1;
  readonly CLOSED = 3;
  readyState = 1;
  /** What waits in the kernel's stead. */
  queuedBytes = 0;
  readonly closes: [number, string][] = [];
  /** Runs when it is closing, as ClientSocket tells it. */
  onClosing = () => {};
  readonly stream = new FakeStream();

  get bufferedAmount(): number {
    return this.queuedBytes + this.stream.corkedBytes;
  }

  /** Texts that were given to it in place of frames to its stream. */
  readonly sent: string[] = [];
  terminations = 0;

  send(text: string): void {
    this.sent.push(text);
  }

  terminate(): void {
    this.terminations += 1;
    this.readyState = 3;
  }

  close(code: number, reason: string): void {
    this.closes.push([code, reason]);
    this.readyState = 2;
    this.onClosing();
  }
}

class FakeStream {
  /** What left together, each time. */
  readonly left: Buffer[] = [];
  /** Whether each chunk was a string, in V8's heap. */
  readonly areStrings: boolean[] = [];
  #corks = 0;
  #corked: Buffer[] = [];

  get corkedBytes(): number {
    return Buffer.concat(this.#corked).length;
  }

  /** The texts of the frames that left. */
  get texts(): string[] {
    return textsOf(Buffer.concat(this.left));
  }

  write(chunk: Buffer | string, encoding: BufferEncoding): void {
    this.areStrings.push(typeof chunk === 'string');
    this.#corked.push(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk);
    if (this.#corks === 0) this.#leave();
  }

  cork(): void {
    this.#corks += 1;
  }

  uncork(): void {
    this.#corks -= 1;
    if (this.#corks === 0 && this.#corked.length > 0) this.#leave();
  }

  #leave(): void {
    this.left.push(Buffer.concat(this.#corked));
    this.#corked = [];
  }
}

/** Reads unmasked text frames of at most 65,535 bytes. */
function textsOf(frames: Buffer): string[] {
  const texts: string[] = [];
  for (let at = 0; at < frames.length; ) {
    expect(frames[at]).toBe(0x81);
    const isLong = frames[at + 1] === 126;
    const start = at + (isLong ? 4 : 2);
    const end = start + (isLong ? frames.readUInt16BE(at + 2) : (frames[at + 1] as number));
    texts.push(frames.toString('utf8', start, end));
    at = end;
  }
  return texts;
}

function openSender(
  turn = new Turn(),
  maxQueueBytes = MAX_QUEUE_BYTES,
  queueBudget = new QueueBudget(Number.POSITIVE_INFINITY),
  framesTexts = true,
) {
  const socket = new FakeSocket();
  const { stream } = socket;
  const closings: number[] = [];
  socket.onClosing = () => closings.push(socket.readyState);
  const sender = new Sender(socket as unknown as WebSocket, stream as unknown as Writable, codec, {
    turn,
    maxQueueBytes,
    queueBudget,
    framesTexts,
  });
  return { socket, stream, sender, closings };
}

describe('writing', () => {
  test('sends the JSON of the message', async () => {
    const { socket, stream, sender, closings } = openSender();
    expect(sender.write(hello)).toBe('sent');
    await turnIsOver();
    expect(stream.texts).toEqual(['{"type":"PeerConnected","participant_id":"a"}']);
    expect([socket.closes, closings]).toEqual([[], []]);
  });

  const write = (sender: Sender, ...ids: string[]) => {
    for (const participant_id of ids) sender.write(new Outgoing({ type: 'PeerConnected', participant_id }));
  };
  /** The ids of what left together, each time. */
  const idsOf = ({ left }: FakeStream) =>
    left.map((bytes) => textsOf(bytes).map((text) => JSON.parse(text).participant_id));

  test('keeps the order, and what one turn of the event loop wrote leaves together', async () => {
    const { stream, sender } = openSender();
    write(sender, 'a', 'b', 'c');
    expect(stream.left).toEqual([]);
    await turnIsOver();
    write(sender, 'd', 'e');
    await turnIsOver();
    expect(idsOf(stream)).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e'],
    ]);
  });

  test('what was written alone in its turn tells the next to leave at once, each frame in one piece', async () => {
    const turn = new Turn();
    const { stream, sender } = openSender(turn);
    const other = openSender(turn);
    write(sender, 'a');
    expect(stream.left).toEqual([]);
    await turnIsOver();
    write(sender, 'b');
    write(other.sender, 'x');
    write(sender, 'c');
    expect([idsOf(stream), idsOf(other.stream)]).toEqual([[['a'], ['b'], ['c']], [['x']]]);
    expect(stream.corkedBytes).toBe(0);
  });

  test('keeps the order when holding begins amid what is written', async () => {
    const { stream, sender } = openSender();
    write(sender, 'first');
    await turnIsOver();
    const ids = Array.from({ length: 100 }, (_, i) => String(i));
    write(sender, ...ids);
    await turnIsOver();
    expect(idsOf(stream).flat()).toEqual(['first', ...ids]);
    expect(stream.left.length).toBeLessThan(50);
  });

  test('encodes and frames a message once, however many senders it goes to', async () => {
    let encodings = 0;
    const message = {
      type: 'PeerConnected' as const,
      get participant_id() {
        encodings += 1;
        return 'a';
      },
    };
    const outgoing = new Outgoing(message);
    const turn = new Turn();
    const streams = [1, 2, 3].map(() => {
      const { stream, sender } = openSender(turn);
      sender.write(outgoing);
      return stream;
    });
    await turnIsOver();
    expect(encodings).toBe(1);
    expect(streams.map(({ texts }) => texts)).toEqual([[helloText], [helloText], [helloText]]);
  });

  test('sends a text as it is', async () => {
    const { socket, stream, sender, closings } = openSender();
    expect(sender.writeText('{"type":"PeerConnected","participant_id":"a","seq":7}')).toBe('sent');
    expect(sender.write(hello)).toBe('sent');
    await turnIsOver();
    expect(stream.texts).toEqual(['{"type":"PeerConnected","participant_id":"a","seq":7}', helloText]);
    expect([socket.closes, closings]).toEqual([[], []]);
  });

  test('whatever the text, its frame says its length in bytes', async () => {
    const { stream, sender } = openSender();
    const texts = ['', 'é', '😀'.repeat(31), 'x'.repeat(125), 'x'.repeat(126), 'ß'.repeat(30_000)];
    for (const text of texts) sender.writeText(text);
    await turnIsOver();
    expect(stream.texts).toEqual(texts);
  });

  test("what waits beyond 32 KiB does not wait in V8's heap; a broadcast does where little waits", async () => {
    const turn = new Turn();
    const slow = openSender(turn, 1e6);
    const fast = openSender(turn, 1e6);
    slow.socket.queuedBytes = 32 * 1024 + 1;
    fast.socket.queuedBytes = 32 * 1024;
    for (const { sender } of [slow, fast, slow]) sender.write(hello);
    await turnIsOver();
    expect([slow.stream.areStrings, fast.stream.areStrings]).toEqual([[false, false], [true]]);
    expect([slow.stream.texts, fast.stream.texts]).toEqual([[helloText, helloText], [helloText]]);
  });

  /** Both ways to write keep to the same rules. */
  const WAYS = [
    ['a message', (sender: Sender) => sender.write(hello)],
    ['a text', (sender: Sender) => sender.writeText(helloText)],
  ] as const;

  test.each(WAYS)('%s goes on while the queue holds no more than its limit', (_, write) => {
    const { socket, sender } = openSender();
    socket.queuedBytes = MAX_QUEUE_BYTES;
    expect(write(sender)).toBe('sent');
  });

  test.each(WAYS)('%s: what only waits for the end of the turn is no queue', (_, write) => {
    const { socket, stream, sender } = openSender();
    for (let i = 0; i < 100; i++) expect(write(sender)).toBe('sent');
    expect(stream.texts.length).toBeGreaterThan(50);
    expect(stream.corkedBytes).toBeLessThanOrEqual(MAX_QUEUE_BYTES + 100);
    expect(socket.closes).toEqual([]);
  });

  test.each(WAYS)('%s to a queue beyond its limit sends nothing and closes 1013, once', (_, write) => {
    const { socket, stream, sender, closings } = openSender();
    socket.queuedBytes = MAX_QUEUE_BYTES + 1;
    expect(write(sender)).toBe('full');
    expect(write(sender)).toBe('closed');
    expect([stream.left, stream.corkedBytes]).toEqual([[], 0]);
    expect(socket.closes).toEqual([[1013, CLOSE_CODES.TryAgainLater.meaning]]);
    expect(closings).toHaveLength(1);
  });

  test.each([0, 2, 3])('to a socket that is not open (%s) does nothing', (readyState) => {
    const { socket, stream, sender, closings } = openSender();
    socket.readyState = readyState;
    socket.queuedBytes = MAX_QUEUE_BYTES + 1;
    for (const [, write] of WAYS) expect(write(sender)).toBe('closed');
    expect([stream.left, stream.corkedBytes, socket.closes, closings]).toEqual([[], 0, [], []]);
  });

  test('by whoever hears that the socket is closing finds it closed', () => {
    const { socket, sender } = openSender();
    const results: string[] = [];
    socket.onClosing = () => {
      results.push(sender.write(hello));
    };
    socket.queuedBytes = MAX_QUEUE_BYTES + 1;
    sender.write(hello);
    expect(results).toEqual(['closed']);
  });
});

describe('closing', () => {
  test.each(Object.entries(CLOSE_CODES))('with the code and meaning of %s', (reason, { code, meaning }) => {
    const { socket, sender } = openSender();
    sender.close(reason as keyof typeof CLOSE_CODES);
    expect(socket.closes).toEqual([[code, meaning]]);
  });

  test('happens once, for the first reason, and is told once', () => {
    const { socket, sender, closings } = openSender();
    sender.close('GoingAway');
    sender.close('InternalError');
    expect(socket.closes).toEqual([[1001, CLOSE_CODES.GoingAway.meaning]]);
    expect(closings).toHaveLength(1);
    expect(sender.write(hello)).toBe('closed');
  });

  test('a socket the peer has closed is left alone', () => {
    const { socket, sender, closings } = openSender();
    socket.readyState = 3;
    sender.close('GoingAway');
    expect([socket.closes, closings]).toEqual([[], []]);
  });
});

describe('where ws frames texts by itself', () => {
  const openPlain = () => openSender(new Turn(), MAX_QUEUE_BYTES, undefined, false);

  test('they are sent by its own method, and the stream below is left alone', async () => {
    const { socket, stream, sender } = openPlain();
    expect([sender.write(hello), sender.writeText('text')]).toEqual(['sent', 'sent']);
    await turnIsOver();
    expect([socket.sent, stream.left]).toEqual([[helloText, 'text'], []]);
  });

  test('a queue beyond its limit closes 1013, and nothing is sent afterwards', () => {
    const { socket, sender } = openPlain();
    socket.queuedBytes = MAX_QUEUE_BYTES + 1;
    expect([sender.write(hello), sender.write(hello)]).toEqual(['full', 'closed']);
    expect([socket.closes.map(([code]) => code), socket.sent]).toEqual([
      [CLOSE_CODES.TryAgainLater.code],
      [],
    ]);
  });
});

describe('the budget of all queues', () => {
  const LIMIT = 2000;
  const openTwo = () => {
    const budget = new QueueBudget(LIMIT);
    const turn = new Turn();
    return [openSender(turn, 10_000, budget), openSender(turn, 10_000, budget)] as const;
  };
  const closes = (sockets: readonly { readonly socket: FakeSocket }[]) =>
    sockets.map(({ socket }) => socket.closes.map(([code]) => code));

  test('what waits from an earlier turn counts, and the larger queue is closed 1013', () => {
    const [slow, other] = openTwo();
    slow.socket.queuedBytes = 1500;
    expect(slow.sender.write(hello)).toBe('sent');
    other.socket.queuedBytes = 501;
    expect(other.sender.write(hello)).toBe('sent');
    expect(closes([slow, other])).toEqual([[1013], []]);
  });

  test('the one that is written to may be the larger: it is full', () => {
    const [small, slow] = openTwo();
    small.socket.queuedBytes = 501;
    small.sender.write(hello);
    slow.socket.queuedBytes = 1500;
    expect(slow.sender.write(hello)).toBe('full');
    expect(slow.stream.texts).toEqual([]);
    expect(closes([small, slow])).toEqual([[], [1013]]);
  });

  test('what only waits for the end of the turn does not count', () => {
    const [one] = openTwo();
    for (let i = 0; i < 100; i += 1) expect(one.sender.write(hello)).toBe('sent');
    expect(one.socket.closes).toEqual([]);
  });

  test('a socket that is closing already is destroyed', () => {
    const [slow, other] = openTwo();
    slow.socket.queuedBytes = 1500;
    slow.sender.write(hello);
    slow.sender.close('GoingAway');
    other.socket.queuedBytes = 501;
    other.sender.write(hello);
    expect([slow.socket.terminations, other.socket.terminations]).toEqual([1, 0]);
  });

  test('a closed socket counts no more', () => {
    const [slow, other] = openTwo();
    slow.socket.queuedBytes = 1900;
    slow.sender.write(hello);
    slow.sender.closed();
    other.socket.queuedBytes = 1900;
    expect(other.sender.write(hello)).toBe('sent');
    expect(closes([slow, other])).toEqual([[], []]);
  });
});
