import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { WebSocketServer } from 'ws';
import { readMessage } from '../../src/client/message.ts';
import { closeAll, start } from './clients.ts';

/** What a server may send and what it may not, and what becomes of a client of one that does. */

const ID = '11111111-1111-4111-8111-111111111111';
const LIMITS = { messages: 20, window_ms: 1000, max_payload_bytes: 65_536, room_capacity: 8 };
const READY = {
  type: 'Ready',
  participant_id: ID,
  resume_token: 'token',
  resumed: false,
  heartbeat_ms: 15_000,
  resume_grace_ms: 15_000,
  limits: LIMITS,
  ice_servers: [],
};

const BROKEN: Readonly<Record<string, unknown>> = {
  null: null,
  'a number': 7,
  'a string': 'Ready',
  'an array': [READY],
  'no type': {},
  'a type that is no string': { type: 7 },
  'a number that is none': { type: 'Error', code: 'Internal', message: 'x', seq: 'one' },
  'a number that nothing follows': { type: 'Error', code: 'Internal', message: 'x', seq: 2 ** 53 },
  'a room without a list': { type: 'RoomParticipants', room_id: ID, seq: 1 },
  'a list of nobody': { type: 'RoomParticipants', room_id: ID, participants: [null], seq: 1 },
  'a relay from nobody': { type: 'Offer', sdp: 'v=0', seq: 1 },
  'a description that is none': { type: 'Answer', from: ID, sdp: { type: 'answer' }, seq: 1 },
  'a drain without an end': { type: 'ServerDraining', deadline_ms: 1000, jitter_ms: null, seq: 1 },
  'no limits': { ...READY, limits: undefined },
  'a limit of nothing': { ...READY, limits: { ...LIMITS, messages: 0 } },
  'a heartbeat that is none': { ...READY, heartbeat_ms: null },
  'no list of ICE servers': { ...READY, ice_servers: {} },
};

test.each(Object.entries(BROKEN))('%s is no message', (_, message) => {
  expect(readMessage(JSON.stringify(message))).toBeUndefined();
});

test('nor is what is not JSON, or not text', () => {
  expect([readMessage('{'), readMessage(''), readMessage(new Blob(['{"type":"Error"}']))]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test('types and fields of a later protocol are no obstacle', () => {
  const later = [{ type: 'Later', seq: 1 }, { ...READY, more: true }, { type: 'toString' }];
  for (const message of later) expect(readMessage(JSON.stringify(message))).toEqual(message);
});

describe('a client whose server sends', () => {
  const servers: WebSocketServer[] = [];
  afterEach(async () => {
    await closeAll();
    for (const server of servers.splice(0)) {
      for (const socket of server.clients) socket.terminate();
      server.close();
    }
  });

  /** Answers the Hello of its first client with these, and leaves the Hello of any other unanswered. */
  async function serverThatSays(...messages: readonly unknown[]) {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    servers.push(server);
    await once(server, 'listening');
    server.once('connection', (socket) => {
      socket.once('message', () => {
        for (const message of messages) socket.send(JSON.stringify(message));
      });
    });
    return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`;
  }

  test.each(Object.entries(BROKEN))('%s breaks off, says why, and tries again', async (_, message) => {
    const isReady = Object(message).type === 'Ready';
    const url = await serverThatSays(...(isReady ? [message] : [READY, message]));
    const client = start(url, { reconnect: { baseMs: 1, capMs: 1 } });
    client.connect().catch(() => {});
    const { reason } = await client.once('state', ({ status }) => status === 'waiting');
    expect(reason).toMatch(/not a message of Bloom’s protocol/);
    await client.until('connecting');
  });
});
