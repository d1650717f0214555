import { randomUUID } from 'node:crypto';
import { COLYSEUS, colyseusMessage } from './colyseus.ts';
import type { RawSocket } from './raw-socket.ts';

/** How a load generator speaks to a server: what differs from one protocol to the next, and nothing else. */
export interface Dialect {
  /** Path and query of the connection of each member of one room. */
  paths(base: URL, roomSize: number): string[] | Promise<string[]>;
  readonly subprotocol?: string;
  /**
   * Brings the sockets into one room, where each sends to the next and the last to the first. Settles with one
   * function a socket: the message that carries `sdp` from it to its neighbour.
   */
  meet(sockets: readonly RawSocket[], paths: readonly string[]): Promise<Message[]>;
  /** What is sent comes back as it is, to the sender itself. */
  readonly isEcho?: true;
}

export type Message = (sdp: string) => string | Uint8Array;

const json = (payload: Buffer) => JSON.parse(payload.toString());
const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);
const toNext = <T>(ids: readonly T[], message: (to: T) => Message): Message[] =>
  ids.map((_, i) => message(ids[(i + 1) % ids.length] as T));
const param = (path: string, name: string) => new URL(path, 'ws://localhost').searchParams.get(name);

/** A bare relay is told whom to send it to. It names each connection in its first message. */
const bare: Dialect = {
  paths: (_, roomSize) => times(roomSize, () => '/'),
  async meet(sockets) {
    const ids = await Promise.all(sockets.map(async (socket) => json(await socket.next()).id));
    return toNext(ids, (to) => (sdp) => JSON.stringify({ type: 'Offer', to, sdp }));
  },
};

const bloom: Dialect = {
  paths: (_, roomSize) => times(roomSize, () => '/ws'),
  async meet(sockets) {
    const [first, ...others] = sockets as [RawSocket, ...RawSocket[]];
    first.send(JSON.stringify({ type: 'CreateRoom' }));
    const { room_id, self_id } = json(await first.nextWith('"RoomCreated"'));
    const ids = [self_id];
    for (const socket of others) {
      socket.send(JSON.stringify({ type: 'JoinRoom', room_id }));
      ids.push(json(await socket.nextWith('"PeerConnected"')).participant_id);
    }
    return toNext(ids, (to) => (sdp) => JSON.stringify({ type: 'Offer', to, sdp }));
  },
};

/** The glue names a member in the answer to its join. */
const glue: Dialect = {
  paths: (_, roomSize) => times(roomSize, () => '/'),
  async meet(sockets) {
    const room = randomUUID();
    const ids: string[] = [];
    for (const socket of sockets) {
      socket.send(JSON.stringify({ type: 'join', room }));
      ids.push(json(await socket.nextWith('"joined"')).id);
    }
    return toNext(ids, (to) => (sdp) => JSON.stringify({ type: 'Offer', to, sdp }));
  },
};

const echo: Dialect = {
  paths: (_, roomSize) => times(roomSize, () => '/'),
  meet: async (sockets) => sockets.map(() => (sdp) => JSON.stringify({ type: 'Offer', to: '', sdp })),
  isEcho: true,
};

/** PeerJS knows no rooms: who has the other's id sends to it. */
const peerjs: Dialect = {
  paths: (_, roomSize) =>
    times(roomSize, () => `/peerjs?key=peerjs&id=${randomUUID()}&token=${randomUUID().slice(0, 8)}`),
  async meet(sockets, paths) {
    await Promise.all(sockets.map((socket) => socket.nextWith('"OPEN"')));
    const ids = paths.map((path) => param(path, 'id'));
    return toNext(ids, (dst) => (sdp) => {
      const payload = { sdp: { type: 'offer', sdp }, type: 'media', connectionId: 'mc_8s0xkxw5v3c' };
      return JSON.stringify({ type: 'OFFER', payload, dst });
    });
  },
};

/** Socket.IO packets in Engine.IO packets, both as text: 4 is a message, 2 a ping, 3 its pong; 40 connects, 42 is an event. */
const socketio: Dialect = {
  paths: (_, roomSize) => times(roomSize, () => '/socket.io/?EIO=4&transport=websocket'),
  async meet(sockets) {
    const room = randomUUID();
    const ids: string[] = [];
    for (const socket of sockets) {
      socket.heartbeat = { ping: '2', pong: '3' };
      await socket.nextWith('"pingInterval"');
      socket.send('40');
      const { sid } = JSON.parse((await socket.nextWith('"sid"')).toString().slice('40'.length));
      socket.send(`42${JSON.stringify(['join', room])}`);
      await socket.nextWith('"members"');
      ids.push(sid);
    }
    return toNext(ids, (to) => (sdp) => `42${JSON.stringify(['offer', { to, sdp }])}`);
  },
};

/** y-webrtc publishes to topics; a topic with one subscriber is what comes closest to an addressee. */
const yjs: Dialect = {
  paths: (_, roomSize) => times(roomSize, () => '/'),
  async meet(sockets) {
    const topics = sockets.map(() => randomUUID());
    for (const [i, socket] of sockets.entries()) {
      socket.send(JSON.stringify({ type: 'subscribe', topics: [topics[i]] }));
      socket.send(JSON.stringify({ type: 'ping' }));
      await socket.nextWith('"pong"');
    }
    return toNext(topics, (topic) => (sdp) => {
      const from = '6f0c2a4e-3b6f-4c6b-9d52-0b8c9c7d1f30';
      const data = { type: 'signal', from, signal: { type: 'offer', sdp } };
      return JSON.stringify({ type: 'publish', topic, data });
    });
  },
};

/** Seats are reserved over HTTP; messages are bytes: a code, the message's name, and a MessagePack value. */
const colyseus: Dialect = {
  async paths(base, roomSize) {
    const reserve = async (path: string) => {
      const url = new URL(`/matchmake/${path}`, base.href.replace('ws:', 'http:'));
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      });
      if (!response.ok) throw new Error(`Colyseus answers ${response.status}: ${await response.text()}`);
      return (await response.json()) as { processId: string; roomId: string; sessionId: string };
    };
    const first = await reserve('create/signalling');
    const seats = [first];
    while (seats.length < roomSize) seats.push(await reserve(`joinById/${first.roomId}`));
    return seats.map(
      ({ processId, roomId, sessionId }) => `/${processId}/${roomId}?sessionId=${sessionId}&skipHandshake=1`,
    );
  },
  async meet(sockets, paths) {
    for (const socket of sockets) {
      while ((await socket.next())[0] !== COLYSEUS.joinRoom);
      socket.send(Buffer.from([COLYSEUS.joinRoom]));
    }
    const ids = paths.map((path) => param(path, 'sessionId') as string);
    return toNext(ids, (to) => (sdp) => colyseusMessage('offer', { to, sdp }));
  },
};

const protoo: Dialect = {
  paths(_, roomSize) {
    const room = randomUUID();
    return times(roomSize, () => `/?room=${room}&peer=${randomUUID()}`);
  },
  subprotocol: 'protoo',
  async meet(_, paths) {
    const ids = paths.map((path) => param(path, 'peer'));
    return toNext(
      ids,
      (to) => (sdp) => JSON.stringify({ notification: true, method: 'offer', data: { to, sdp } }),
    );
  },
};

export const DIALECTS = { bare, glue, bloom, echo, peerjs, socketio, yjs, colyseus, protoo };
export type DialectName = keyof typeof DIALECTS;
