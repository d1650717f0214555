import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { accepting } from '../support/accepted.ts';
import { seat, TestClient } from '../support/client.ts';
import { closeFrame, frame, OPCODE, RawClient, textFrame } from '../support/raw.ts';
import { health, startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

/** Each way a socket can end: the others hear at once, and exactly once. */

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ RATE_LIMIT_MESSAGES: '10000' });
});
afterAll(() => server.stop());

/** Two who stay, in a room of their own. */
async function witnesses(on = server) {
  const { room_id, clients, ids } = await seat(on.wsUrl, 2);
  const [first, second] = clients as [TestClient, TestClient];

  /** Both have heard of the arrival, and count it as read. */
  async function hadArrival(participant_id: string): Promise<void> {
    for (const witness of [first, second]) {
      await witness.settled();
      expect(witness.unread()).toEqual([
        { type: 'PeerConnected', participant_id },
        { type: 'RoomParticipants', room_id, participants: [...ids, participant_id] },
      ]);
    }
  }

  /** Both hear of the departure, and of nothing else, even once the socket is gone. */
  async function hearDeparture(participant_id: string, gone: () => Promise<unknown>): Promise<void> {
    const heard = await first.next();
    await gone();
    await first.settled();
    await second.settled();
    const expected = [
      { type: 'PeerDisconnected', participant_id },
      { type: 'RoomParticipants', room_id, participants: ids },
    ];
    expect([heard, ...first.unread()]).toEqual(expected);
    expect(second.unread()).toEqual(expected);
  }

  return { room_id, ids, first, second, hadArrival, hearDeparture };
}

/**
 * A client that breaks rules, and may not even end its side when the server has ended its own. `isKept` says that
 * the server still has its socket, which it destroys 3 s after closing: what is heard meanwhile was told at once.
 */
async function connectRaw(on = server): Promise<{ raw: RawClient; isKept: () => boolean }> {
  const { client: raw, accepted } = await accepting(() =>
    RawClient.connect(on.wsUrl, { allowHalfOpen: true }),
  );
  return { raw, isKept: () => !accepted.destroyed };
}

/** The server has forgotten every socket but the witnesses'. */
async function onlyWitnesses(on = server, count = 2): Promise<void> {
  await until('the socket is gone', async () => (await health(on)).connections === count);
}

describe('a client that keeps the protocol', () => {
  const cases: [string, (client: TestClient) => void, number][] = [
    ['close(1000)', (client) => client.socket.close(1000), 1000],
    ['close(4321, reason)', (client) => client.socket.close(4321, 'gone fishing'), 4321],
    ['close with no code', (client) => client.socket.close(), 1005],
    ['terminate()', (client) => client.socket.terminate(), 1006],
  ];

  test.each(cases)('%s', async (_, end, code) => {
    const own = await startServer();
    try {
      const { room_id, hadArrival, hearDeparture } = await witnesses(own);
      const client = await TestClient.connect(own.wsUrl);
      const id = await client.joinRoom(room_id);
      await hadArrival(id);
      end(client);
      await hearDeparture(id, async () => {
        expect(await client.closed).toBe(code);
        await onlyWitnesses(own);
      });
      const lines = own.logs.filter(({ participant_id }) => participant_id === id).map(({ msg }) => msg);
      expect(lines).toEqual(['connection opened', 'connection closed']);
    } finally {
      await own.stop();
    }
  });

  test('what it sent before its close is delivered before PeerDisconnected', async () => {
    const { room_id, ids, first, hadArrival, hearDeparture } = await witnesses();
    const client = await TestClient.connect(server.wsUrl);
    const id = await client.joinRoom(room_id);
    await hadArrival(id);
    client.send({ type: 'Offer', to: ids[0], sdp: 'last words' });
    client.close();
    expect(await first.next()).toEqual({ type: 'Offer', from: id, sdp: 'last words' });
    await hearDeparture(id, () => client.closed);
  });

  test('LeaveRoom and then close: told once', async () => {
    const { room_id, hadArrival, hearDeparture } = await witnesses();
    const client = await TestClient.connect(server.wsUrl);
    const id = await client.joinRoom(room_id);
    await hadArrival(id);
    client.send({ type: 'LeaveRoom' });
    client.close();
    await hearDeparture(id, () => client.closed);
  });

  test('its place is free at once, and its id is never given again', async () => {
    const { room_id, clients, ids } = await seat(server.wsUrl, 8);
    clients[7]!.socket.terminate();
    await clients[0]!.nextOf('PeerDisconnected');
    const next = await TestClient.connect(server.wsUrl);
    expect(ids).not.toContain(await next.joinRoom(room_id));
  });
});

describe('raw sockets', () => {
  const offer = (to: string) => textFrame({ type: 'Offer', to, sdp: 'must not arrive' });
  const bad = Buffer.from([0xc3, 0x28]);
  type Act = (raw: RawClient, to: string) => void;
  const send =
    (...frames: Uint8Array[]): Act =>
    (raw) =>
      raw.send(...frames);

  const cases: [string, Act, number][] = [
    ['a Close frame, never a FIN', send(closeFrame(1000)), 1000],
    ['an empty Close frame, never a FIN', send(frame(OPCODE.close)), 1005],
    ['a Close frame in two halves', (raw) => sendInHalves(raw, closeFrame(1000, 'in two halves')), 1000],
    [
      'a Close frame, then more frames',
      (raw, to) => raw.send(closeFrame(1000), offer(to), textFrame({ type: 'LeaveRoom' }), offer(to)),
      1000,
    ],
    ['two Close frames', send(closeFrame(1000), closeFrame(1001)), 1000],
    ['a Close frame and a FIN', (raw) => raw.socket.end(closeFrame(1000)), 1000],
    ['a Close frame and a reset', resetAfterClose, 1006],
    ['a FIN: it half-closes', (raw) => raw.socket.end(), 1006],
    ['a FIN within a frame', (raw, to) => raw.socket.end(offer(to).subarray(0, 20)), 1006],
    ['a reset', (raw) => raw.socket.resetAndDestroy(), 1006],
    ['an unmasked frame', send(frame(OPCODE.text, '{"type":"LeaveRoom"}', { mask: false })), 1002],
    ['an unmasked Close frame', send(frame(OPCODE.close, '', { mask: false })), 1002],
    ['the reserved opcode 3', send(frame(3, 'x')), 1002],
    ['the reserved opcode 7', send(frame(7)), 1002],
    ['the reserved opcode 11', send(frame(11)), 1002],
    ['the reserved opcode 15', send(frame(15, 'x')), 1002],
    ['RSV1 with no extension', send(frame(OPCODE.text, '{}', { rsv: 4 })), 1002],
    ['RSV3', send(frame(OPCODE.ping, '', { rsv: 1 })), 1002],
    ['a fragmented ping', send(frame(OPCODE.ping, 'x', { fin: false })), 1002],
    ['a fragmented Close', send(frame(OPCODE.close, '', { fin: false })), 1002],
    ['a ping of 126 bytes', send(frame(OPCODE.ping, 'x'.repeat(126))), 1002],
    ['a Close of 126 bytes', send(frame(OPCODE.close, 'x'.repeat(126))), 1002],
    ['a continuation of nothing', send(frame(OPCODE.continuation, 'x')), 1002],
    [
      'a text frame within a fragmented one',
      send(frame(OPCODE.text, '{', { fin: false }), frame(OPCODE.text, '}')),
      1002,
    ],
    ['a Close frame of one byte', send(frame(OPCODE.close, 'x')), 1002],
    ['the close code 999', send(closeFrame(999)), 1002],
    ['the close code 1005', send(closeFrame(1005)), 1002],
    ['the close code 5000', send(closeFrame(5000)), 1002],
    ['a close reason that is no UTF-8', send(frame(OPCODE.close, Buffer.from([3, 232, ...bad]))), 1007],
    ['text that is no UTF-8', send(frame(OPCODE.text, bad)), 1007],
    ['a binary frame', send(frame(OPCODE.binary, 'x')), 1003],
    ['a frame too large', send(frame(OPCODE.text, '', { length: 65_537 })), 1009],
    ['a length beyond 2^53', send(frame(OPCODE.text, '', { length: 2n ** 63n })), 1009],
  ];

  test.each(cases)('%s', async (_, end, code) => {
    const { room_id, ids, hadArrival, hearDeparture } = await witnesses();
    const { raw, isKept } = await connectRaw();
    const id = await raw.joinRoom(room_id);
    await hadArrival(id);
    const heardBefore = raw.heard.length;
    end(raw, ids[0]!);
    await hearDeparture(id, async () => {
      if (raw.socket.writable) expect(isKept()).toBe(true);
      raw.socket.end(); // only now, when the departure is known
      await raw.gone;
    });
    expect(await raw.closeCode).toBe(code);
    expect(raw.heard.slice(heardBefore)).toEqual([]);
  });

  test('comes, says something and goes in a single write: all of it happened, in order', async () => {
    const { room_id, ids, first } = await witnesses();
    const raw = await RawClient.connect(server.wsUrl);
    raw.send(
      textFrame({ type: 'JoinRoom', room_id }),
      textFrame({ type: 'Offer', to: ids[0], sdp: 'hello and goodbye' }),
      closeFrame(1000),
    );
    const { participant_id } = (await first.next()) as { participant_id: string };
    await raw.gone;
    await first.settled();
    expect(first.unread()).toEqual([
      { type: 'RoomParticipants', room_id, participants: [...ids, participant_id] },
      { type: 'Offer', from: participant_id, sdp: 'hello and goodbye' },
      { type: 'PeerDisconnected', participant_id },
      { type: 'RoomParticipants', room_id, participants: ids },
    ]);
  });

  test('one that never answers and never ends its side is destroyed, and counted no more', async () => {
    const own = await startServer();
    const raw = await RawClient.connect(own.wsUrl, { allowHalfOpen: true });
    try {
      expect((await health(own)).connections).toBe(1);
      raw.send(closeFrame(1000));
      await onlyWitnesses(own, 0);
    } finally {
      raw.socket.destroy();
      await own.stop();
    }
  });

  test('a slow reader is closed with 1013 when its queue is full; the sender notices nothing', async () => {
    const own = await startServer({ RATE_LIMIT_MESSAGES: '10000', MAX_QUEUE_BYTES: '65536' });
    const { raw: slow, isKept } = await connectRaw(own);
    try {
      const { room_id, first, hadArrival, hearDeparture } = await witnesses(own);
      const id = await slow.joinRoom(room_id);
      await hadArrival(id);
      slow.socket.pause();
      const offers = await fill(first, id, 1000);
      await hearDeparture(id, async () => {
        expect(isKept()).toBe(true);
        slow.socket.resume();
        expect(await slow.closeCode).toBe(1013);
        slow.socket.end();
        await slow.gone;
      });
      // What it did hear, it heard whole and in order; it heard less than was sent.
      const numbers = slow.heard.flatMap((message) =>
        message.type === 'Offer' ? [numberOf(message.sdp)] : [],
      );
      expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => i));
      expect(numbers.length).toBeLessThan(offers);
    } finally {
      slow.socket.destroy();
      await own.stop();
    }
  });

  test.each<[string, (raw: RawClient) => void]>([
    ['a Close frame', (raw) => raw.send(closeFrame(1000))],
    ['a FIN', (raw) => raw.socket.end()],
    ['a protocol error', (raw) => raw.send(frame(OPCODE.text, 'x', { mask: false }))],
    ['a binary frame', (raw) => raw.send(frame(OPCODE.binary, 'x'))],
    ['a reset', (raw) => raw.socket.resetAndDestroy()],
  ])('%s from one who reads nothing any more', async (_, end) => {
    const own = await startServer({
      RATE_LIMIT_MESSAGES: '10000',
      MAX_QUEUE_BYTES: String(64 * 1024 * 1024),
    });
    const { raw: stuck, isKept } = await connectRaw(own);
    try {
      const { room_id, first, hadArrival, hearDeparture } = await witnesses(own);
      const id = await stuck.joinRoom(room_id);
      await hadArrival(id);
      stuck.socket.pause();
      await fill(first, id, 300); // 18 MB: more than the kernel takes, so the server's answer cannot leave
      end(stuck);
      await hearDeparture(id, async () => {
        if (stuck.socket.writable) expect(isKept()).toBe(true);
        stuck.socket.destroy();
        await stuck.gone;
      });
    } finally {
      stuck.socket.destroy();
      await own.stop();
    }
  });
});

/** Sends large offers to a client until it has left, `limit` of them at most; returns how many. */
async function fill(sender: TestClient, to: string, limit: number): Promise<number> {
  const heardBefore = sender.heard.length;
  for (let sent = 0; sent < limit; sent++) {
    if (sender.heard.length > heardBefore) return sent;
    sender.send({ type: 'Offer', to, sdp: `${sent} ${'x'.repeat(60_000)}` });
    await sender.settled();
  }
  return limit;
}

function numberOf(sdp: string): number {
  return Number.parseInt(sdp, 10);
}

function sendInHalves(raw: RawClient, bytes: Buffer): void {
  raw.send(bytes.subarray(0, 5));
  setImmediate(() => raw.send(bytes.subarray(5)));
}

function resetAfterClose(raw: RawClient): void {
  raw.socket.write(closeFrame(1000), () => raw.socket.resetAndDestroy());
}
