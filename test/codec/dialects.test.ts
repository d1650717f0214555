import { on, once } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { bloomDialect } from '../../src/codec/bloom.ts';
import { Outgoing } from '../../src/codec/outgoing.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { arraysDialect } from './arrays.ts';

/** Two dialects in one server, over real sockets. */

interface Speaker {
  readonly socket: WebSocket;
  send(value: unknown): void;
  /** The next frame, parsed. */
  // biome-ignore lint/suspicious/noExplicitAny: what a test says it is
  next(): Promise<any>;
}

async function connect(server: TestServer, path = '/ws', subprotocols: string[] = []): Promise<Speaker> {
  const socket = new WebSocket(new URL(path, server.wsUrl), subprotocols);
  const frames = on(socket, 'message');
  await once(socket, 'open');
  return {
    socket,
    send: (value) => socket.send(typeof value === 'string' ? value : JSON.stringify(value)),
    next: async () => JSON.parse(String((await frames.next()).value?.[0])),
  };
}

describe('two dialects in one room', () => {
  test('each member reads its own, and a relay goes from one to the other', async () => {
    const server = await startServer({}, { codecs: [arraysDialect({ path: '/arrays' })] });
    const alice = await connect(server);
    alice.send({ type: 'CreateRoom' });
    const { room_id, self_id } = await alice.next();
    await alice.next();

    const bob = await connect(server, '/arrays');
    bob.send(['join', { room: room_id }]);
    const [type, { participant_id }] = await bob.next();
    expect(type).toBe('PeerConnected');
    const participants = [self_id, participant_id];
    expect(await bob.next()).toEqual(['RoomParticipants', { room_id, participants }]);
    expect(await alice.next()).toEqual({ type: 'PeerConnected', participant_id });
    expect(await alice.next()).toEqual({ type: 'RoomParticipants', room_id, participants });

    alice.send({ type: 'Offer', to: participant_id, sdp: 'v=0 "→"' });
    expect(await bob.next()).toEqual(['Offer', { from: self_id, sdp: 'v=0 "→"' }]);
    bob.send(['signal', { to: self_id, sdp: 'back' }]);
    expect(await alice.next()).toEqual({ type: 'Offer', from: participant_id, sdp: 'back' });

    bob.send(['dance']);
    expect(await bob.next()).toEqual(['Error', { code: 'InvalidPayload', message: 'no message dance' }]);
    bob.send({ type: 'LeaveRoom' });
    expect(await bob.next()).toEqual(['Error', { code: 'InvalidPayload', message: 'no array' }]);
    bob.socket.close();
    expect(await alice.next()).toEqual({ type: 'PeerDisconnected', participant_id });
    await server.stop();
  });

  test('a session hears its numbers beside a member of the other dialect', async () => {
    const server = await startServer({}, { codecs: [arraysDialect({ path: '/arrays' })] });
    const alice = await connect(server);
    alice.send({ type: 'Hello' });
    expect(await alice.next()).toMatchObject({ type: 'Ready', resumed: false });
    alice.send({ type: 'CreateRoom' });
    const { room_id, seq } = await alice.next();
    expect(seq).toBe(1);
    await alice.next();
    const bob = await connect(server, '/arrays');
    bob.send(['join', { room: room_id }]);
    expect(await bob.next()).toEqual(['PeerConnected', { participant_id: expect.any(String) }]);
    expect(await alice.next()).toMatchObject({ type: 'PeerConnected', seq: 3 });
    await server.stop();
  });

  test('a codec that keeps state sends frames of its own', async () => {
    const server = await startServer({}, { codecs: [arraysDialect({ path: '/refs' }, { withRefs: true })] });
    const [alice, bob] = [await connect(server, '/refs'), await connect(server, '/refs')];
    alice.send(['create', { ref: 'a' }]);
    const [, { room_id }] = await alice.next();
    await alice.next();
    bob.send(['join', { room: room_id, ref: 'b' }]);
    const [[, , ofBob], [, , ofAlice]] = [await bob.next(), await alice.next()];
    expect([ofAlice, ofBob]).toEqual(['a', 'b']);
    await server.stop();
  });
});

describe('which dialect is spoken', () => {
  test('by the subprotocol that is offered, and agreed on; else Bloom’s', async () => {
    const server = await startServer({}, { codecs: [arraysDialect({ subprotocol: 'arrays.v1' })] });
    for (const [offered, agreed, create] of [
      [['arrays.v1'], 'arrays.v1', ['create']],
      [['other', 'arrays.v1'], 'arrays.v1', ['create']],
      [['bloom'], 'bloom', { type: 'CreateRoom' }],
      [[], '', { type: 'CreateRoom' }],
    ] as const) {
      const speaker = await connect(server, '/ws', [...offered]);
      expect(speaker.socket.protocol).toBe(agreed);
      speaker.send(create);
      expect(JSON.stringify(await speaker.next())).toContain('RoomCreated');
    }
    await server.stop();
  });

  test('by the path below the base path; others are 404', async () => {
    const codecs = [arraysDialect({ path: '/arrays', subprotocol: 'arrays.v1' })];
    const server = await startServer({ BASE_PATH: '/call' }, { codecs });
    const speaker = await connect(server, '/call/arrays', ['arrays.v1', 'bloom']);
    expect(speaker.socket.protocol).toBe('arrays.v1');
    speaker.send(['create']);
    expect((await speaker.next())[0]).toBe('RoomCreated');
    for (const path of ['/arrays', '/call/other', '/call/arrays/more']) {
      const socket = new WebSocket(new URL(path, server.wsUrl));
      const [error] = await once(socket, 'error');
      expect(String(error)).toContain('404');
    }
    await server.stop();
  });
});

describe('a message on its way out', () => {
  test('is encoded once for each dialect, however many transports read it', () => {
    const encoded = { count: 0 };
    const [bloom, arrays] = [bloomDialect(), arraysDialect({ path: '/arrays' }, { encoded })];
    const outgoing = new Outgoing({ type: 'PeerConnected', participant_id: 'a' });
    const frames = [bloom, arrays, bloom, arrays].map((dialect) => outgoing.textBy(dialect.open()));
    const bloomText = '{"type":"PeerConnected","participant_id":"a"}';
    const arraysText = '["PeerConnected",{"participant_id":"a"}]';
    expect(frames).toEqual([bloomText, arraysText, bloomText, arraysText]);
    expect(encoded.count).toBe(1);
    let framings = 0;
    const frame = (text: string) => {
      framings += 1;
      return text;
    };
    for (const dialect of [bloom, arrays, arrays, bloom]) outgoing.framedBy(dialect.open(), frame);
    expect(framings).toBe(2);
  });

  test('is encoded for each transport whose codec declines what others share', () => {
    const encoded = { count: 0 };
    const refs = arraysDialect({ path: '/refs' }, { encoded, withRefs: true });
    const outgoing = new Outgoing({ type: 'PeerConnected', participant_id: 'a' });
    for (let i = 0; i < 3; i += 1) outgoing.textBy(refs.open());
    expect(encoded.count).toBe(3);
  });
});
