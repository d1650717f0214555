import { describe, expect, test } from '@jest/globals';
import type { WebSocket } from 'ws';
import { CLOSE_CODES } from '../../src/protocol/codes.ts';
import { Outgoing } from '../../src/protocol/outgoing.ts';
import { Sender } from '../../src/socket/sender.ts';

const MAX_QUEUE_BYTES = 1000;
const hello = new Outgoing({ type: 'PeerConnected', participant_id: 'a' });

/** As much of a WebSocket as a sender needs. */
class FakeSocket {
  readonly OPEN = 1;
  readyState = 1;
  bufferedAmount = 0;
  readonly sent: string[] = [];
  readonly closes: [number, string][] = [];
  /** Runs when it is closing, as ClientSocket tells it. */
  onClosing = () => {};

  send(text: string): void {
    this.sent.push(text);
  }

  close(code: number, reason: string): void {
    this.closes.push([code, reason]);
    this.readyState = 2;
    this.onClosing();
  }
}

function openSender() {
  const socket = new FakeSocket();
  const closings: number[] = [];
  socket.onClosing = () => closings.push(socket.readyState);
  const sender = new Sender(socket as unknown as WebSocket, MAX_QUEUE_BYTES);
  return { socket, sender, closings };
}

describe('writing', () => {
  test('sends the JSON of the message', () => {
    const { socket, sender, closings } = openSender();
    expect(sender.write(hello)).toBe('sent');
    expect(socket.sent).toEqual(['{"type":"PeerConnected","participant_id":"a"}']);
    expect([socket.closes, closings]).toEqual([[], []]);
  });

  test('keeps the order', () => {
    const { socket, sender } = openSender();
    for (const participant_id of ['a', 'b', 'c'])
      sender.write(new Outgoing({ type: 'PeerConnected', participant_id }));
    expect(socket.sent.map((text) => JSON.parse(text).participant_id)).toEqual(['a', 'b', 'c']);
  });

  test('encodes a message once, however many senders it goes to', () => {
    let encodings = 0;
    const message = {
      type: 'PeerConnected' as const,
      get participant_id() {
        encodings += 1;
        return 'a';
      },
    };
    const outgoing = new Outgoing(message);
    for (let i = 0; i < 3; i++) openSender().sender.write(outgoing);
    expect(encodings).toBe(1);
  });

  test('sends a text as it is', () => {
    const { socket, sender, closings } = openSender();
    expect(sender.writeText('{"type":"PeerConnected","participant_id":"a","seq":7}')).toBe('sent');
    expect(sender.write(hello)).toBe('sent');
    expect(socket.sent).toEqual(['{"type":"PeerConnected","participant_id":"a","seq":7}', hello.text]);
    expect([socket.closes, closings]).toEqual([[], []]);
  });

  /** Both ways to write keep to the same rules. */
  const WAYS = [
    ['a message', (sender: Sender) => sender.write(hello)],
    ['a text', (sender: Sender) => sender.writeText(hello.text)],
  ] as const;

  test.each(WAYS)('%s goes on while the queue holds no more than its limit', (_, write) => {
    const { socket, sender } = openSender();
    socket.bufferedAmount = MAX_QUEUE_BYTES;
    expect(write(sender)).toBe('sent');
  });

  test.each(WAYS)('%s to a queue beyond its limit sends nothing and closes 1013, once', (_, write) => {
    const { socket, sender, closings } = openSender();
    socket.bufferedAmount = MAX_QUEUE_BYTES + 1;
    expect(write(sender)).toBe('full');
    expect(write(sender)).toBe('closed');
    expect(socket.sent).toEqual([]);
    expect(socket.closes).toEqual([[1013, CLOSE_CODES.TryAgainLater.meaning]]);
    expect(closings).toHaveLength(1);
  });

  test.each([0, 2, 3])('to a socket that is not open (%s) does nothing', (readyState) => {
    const { socket, sender, closings } = openSender();
    socket.readyState = readyState;
    socket.bufferedAmount = MAX_QUEUE_BYTES + 1;
    for (const [, write] of WAYS) expect(write(sender)).toBe('closed');
    expect([socket.sent, socket.closes, closings]).toEqual([[], [], []]);
  });

  test('by whoever hears that the socket is closing finds it closed', () => {
    const { socket, sender } = openSender();
    const results: string[] = [];
    socket.onClosing = () => {
      results.push(sender.write(hello));
    };
    socket.bufferedAmount = MAX_QUEUE_BYTES + 1;
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
