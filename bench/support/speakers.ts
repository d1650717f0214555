import { randomUUID } from 'node:crypto';
import { COLYSEUS, colyseusMessage, readColyseusMessage } from './colyseus.ts';
import type { DialectName } from './dialects.ts';

/** How one person of a meeting speaks to a server: the least that each protocol wants said, and what is heard. */
export interface Speaker {
  readonly subprotocol?: string;
  /** Path and query of the connection. */
  path(base: URL, room: Meeting): string | Promise<string>;
  /** What is said as soon as the socket is open. */
  opening?(room: Meeting): readonly Message[];
  read(payload: Buffer, room: Meeting): Heard | undefined;
  relay(kind: Kind, to: string, text: string): Message;
  /** What is said before the socket closes. */
  leaving?(room: Meeting): Message;
}

/** What the people of one room share besides the server. */
export interface Meeting {
  /** The name of the room; the server may choose another, in `seated`. */
  id: string;
  /** Ids of those who are there, in the order in which they came: for protocols that do not tell. */
  readonly members: readonly string[];
}

export type Message = string | Uint8Array;
export type Kind = 'Offer' | 'Answer' | 'IceCandidate';
export type Heard =
  | { readonly type: 'say'; readonly message: Message }
  /** The server has let this person in, under this id, to those others. */
  | {
      readonly type: 'seated';
      readonly id: string;
      readonly others: readonly string[];
      readonly room?: string;
    }
  | { readonly type: Kind; readonly from: string }
  | { readonly type: 'refused'; readonly why: string };

const isKind = (type: unknown): type is Kind =>
  type === 'Offer' || type === 'Answer' || type === 'IceCandidate';

/** An offer, an answer or a candidate as Bloom's and the glue's clients send it. */
function relayOf(kind: Kind, to: string, text: string): string {
  return JSON.stringify(
    kind === 'IceCandidate'
      ? { type: kind, to, candidate: text, sdpMid: '0', sdpMLineIndex: 0 }
      : { type: kind, to, sdp: text },
  );
}

function bloom(): Speaker {
  let self = '';
  return {
    path: () => '/ws',
    opening: ({ id, members }) => [
      JSON.stringify(members.length === 0 ? { type: 'CreateRoom' } : { type: 'JoinRoom', room_id: id }),
    ],
    read(payload) {
      const message = JSON.parse(payload.toString());
      if (isKind(message.type)) return { type: message.type, from: message.from };
      if (message.type === 'Error') return { type: 'refused', why: message.code };
      if (message.type === 'RoomCreated') self = message.self_id;
      if (message.type === 'PeerConnected' && self === '') self = message.participant_id;
      if (message.type !== 'RoomParticipants' || message.participants.at(-1) !== self) return undefined;
      return { type: 'seated', id: self, others: message.participants.slice(0, -1), room: message.room_id };
    },
    relay: relayOf,
    leaving: () => '{"type":"LeaveRoom"}',
  };
}

function glue(): Speaker {
  return {
    path: () => '/',
    opening: ({ id }) => [JSON.stringify({ type: 'join', room: id })],
    read(payload) {
      const message = JSON.parse(payload.toString());
      if (isKind(message.type)) return { type: message.type, from: message.from };
      if (message.type === 'joined') return { type: 'seated', id: message.id, others: message.members };
      return undefined;
    },
    relay: relayOf,
    leaving: () => '{"type":"leave"}',
  };
}

/** Engine.IO and Socket.IO packets as text: 0 opens, 2 is a ping, 3 its pong, 40 connects, 42 is an event. */
function socketio(): Speaker {
  let self = '';
  return {
    path: () => '/socket.io/?EIO=4&transport=websocket',
    read(payload, { id }) {
      const text = payload.toString();
      if (text === '2') return { type: 'say', message: '3' };
      if (text.startsWith('0')) return { type: 'say', message: '40' };
      if (text.startsWith('40')) {
        self = JSON.parse(text.slice('40'.length)).sid;
        return { type: 'say', message: `42${JSON.stringify(['join', id])}` };
      }
      const [event, data] = JSON.parse(text.slice('42'.length));
      if (isKind(event)) return { type: event, from: data.from };
      if (event !== 'members' || data.at(-1) !== self) return undefined;
      return { type: 'seated', id: self, others: data.slice(0, -1) };
    },
    relay: (kind, to, text) => `42${JSON.stringify([kind, { to, text }])}`,
    leaving: ({ id }) => `42${JSON.stringify(['leave', id])}`,
  };
}

/** PeerJS knows no rooms: its users tell one another their ids, as the members of a Meeting do. */
function peerjs(): Speaker {
  const self = randomUUID();
  const token = self.slice(0, 8);
  const own = { Offer: 'OFFER', Answer: 'ANSWER', IceCandidate: 'CANDIDATE' } as const;
  const connectionId = 'mc_8s0xkxw5v3c';
  return {
    path: () => `/peerjs?key=peerjs&id=${self}&token=${token}`,
    read(payload, { members }) {
      const { type, src } = JSON.parse(payload.toString());
      if (type === 'OPEN') return { type: 'seated', id: self, others: members };
      const kind = (Object.keys(own) as Kind[]).find((kind) => own[kind] === type);
      return kind && { type: kind, from: src };
    },
    relay: (kind, dst, text) =>
      JSON.stringify({ type: own[kind], payload: { sdp: text, type: 'media', connectionId }, dst }),
  };
}

/** y-webrtc knows topics: one for each person comes closest to an addressee. Its pong says that a topic is there. */
function yjs(): Speaker {
  const self = randomUUID();
  return {
    path: () => '/',
    opening: () => [JSON.stringify({ type: 'subscribe', topics: [self] }), '{"type":"ping"}'],
    read(payload, { members }) {
      const message = JSON.parse(payload.toString());
      if (message.type === 'pong') return { type: 'seated', id: self, others: members };
      if (message.type !== 'publish') return undefined;
      return { type: message.data.kind, from: message.data.from };
    },
    relay: (kind, topic, text) =>
      JSON.stringify({ type: 'publish', topic, data: { kind, from: self, signal: text } }),
    leaving: () => JSON.stringify({ type: 'unsubscribe', topics: [self] }),
  };
}

/** protoo tells who is there to whom the application tells it: bench/peers/protoo.js notifies the newcomer. */
function protoo(): Speaker {
  const self = randomUUID();
  return {
    subprotocol: 'protoo',
    path: (_, { id }) => `/?room=${id}&peer=${self}`,
    read(payload) {
      const { method, data } = JSON.parse(payload.toString());
      if (method === 'members') return { type: 'seated', id: self, others: data.members };
      return isKind(method) ? { type: method, from: data.from } : undefined;
    },
    relay: (kind, to, text) => JSON.stringify({ notification: true, method: kind, data: { to, text } }),
  };
}

/** Colyseus reserves a seat over HTTP; a message is bytes: a code, the message's name, a MessagePack value. */
function colyseus(): Speaker {
  let self = '';
  return {
    async path(base, room) {
      const way = room.members.length === 0 ? 'create/signalling' : `joinById/${room.id}`;
      const response = await fetch(new URL(`/matchmake/${way}`, base.href.replace('ws:', 'http:')), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      });
      const seat = (await response.json()) as { processId: string; roomId: string; sessionId: string };
      if (!response.ok) throw new Error(`Colyseus answers ${response.status}: ${JSON.stringify(seat)}`);
      room.id = seat.roomId;
      self = seat.sessionId;
      return `/${seat.processId}/${seat.roomId}?sessionId=${self}&skipHandshake=1`;
    },
    read(payload, { members }) {
      if (payload[0] === COLYSEUS.joinRoom) return { type: 'say', message: Buffer.from([COLYSEUS.joinRoom]) };
      if (payload[0] !== COLYSEUS.data) return undefined;
      const { name, firstValue } = readColyseusMessage(payload);
      if (name === 'seated') return { type: 'seated', id: self, others: members };
      return isKind(name) ? { type: name, from: firstValue() } : undefined;
    },
    relay: (kind, to, text) => colyseusMessage(kind, { to, text }),
    leaving: () => Buffer.from([COLYSEUS.leaveRoom]),
  };
}

/** A new person's way to speak, by the dialect. */
export const SPEAKERS: Readonly<Record<Exclude<DialectName, 'bare' | 'echo'>, () => Speaker>> = {
  bloom,
  glue,
  socketio,
  peerjs,
  yjs,
  protoo,
  colyseus,
};
