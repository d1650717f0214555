import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { ERROR_CODES } from '../../src/protocol/codes.ts';
import { SERVER_MESSAGES } from '../../src/protocol/messages.ts';
import { seat, TestClient } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { Session } from '../support/session.ts';

/** Everything the server can say, in calls as they go, against the JSON Schema that clients are given. */

const ENV = { ROOM_CAPACITY: '3', RATE_LIMIT_MESSAGES: '12', MAX_ROOMS: '2', RESUME_GRACE_MS: '60000' };
const NOWHERE = '11111111-1111-4111-8111-111111111111';

const ajv = new Ajv2020({ strictTypes: true });
addFormats.default(ajv);
ajv.addSchema(JSON.parse(readFileSync(new URL('../../docs/schema/server.json', import.meta.url), 'utf8')));

let server: TestServer;
beforeAll(async () => {
  server = await startServer(ENV);
});
afterAll(() => server.stop());

test('every message there is, and every error code, fits the schema', async () => {
  const { room_id, clients, ids } = await seat(server.wsUrl, 1);
  const [alice] = clients as [TestClient];
  const [aliceId] = ids as [string];
  const bob = await Session.open(server.wsUrl);
  const carol = await Session.open(server.wsUrl);
  await bob.client.joinRoom(room_id);
  await carol.client.joinRoom(room_id);
  for (const from of [alice, bob.client]) {
    const to = from === alice ? bob.id : aliceId;
    from.send({ type: 'Offer', to, sdp: 'o' });
    from.send({ type: 'Answer', to, sdp: 'a' });
    from.send({ type: 'IceCandidate', to, candidate: '', sdpMid: null, sdpMLineIndex: 0 });
    from.send({ type: 'Offer', to: NOWHERE, sdp: 'o' });
    from.send('no JSON');
  }
  await bob.lose();
  await carol.client.nextOf('PeerInterrupted');
  const again = await bob.resume(server.wsUrl);
  await carol.client.nextOf('PeerResumed');

  const dave = await TestClient.connect(server.wsUrl);
  dave.send({ type: 'JoinRoom', room_id });
  dave.send({ type: 'JoinRoom', room_id: NOWHERE });
  const erin = await Session.open(server.wsUrl);
  await erin.client.createRoom();
  dave.send({ type: 'CreateRoom' });
  for (let i = 0; i < 12; i++) dave.send({ type: 'LeaveRoom' });
  carol.client.send({ type: 'Ping', request_id: 'a' });
  carol.client.send({ type: 'LeaveRoom', request_id: 'b' });
  for (const client of [dave, carol.client, again.client, alice]) await client.settled();
  const stopped = server.stop({ drainMs: 50 });
  await again.client.nextOf('ServerDraining');

  const base = [alice, dave].flatMap(({ heard }) => heard);
  const session = [bob, again, carol, erin].flatMap(({ client }) => client.heard);
  for (const [definition, messages] of [
    ['Base', base],
    ['Session', session],
  ] as const) {
    const isValid = ajv.getSchema(`urn:bloom-signaling:server#/$defs/${definition}`)!;
    for (const message of messages)
      expect([message, isValid(message), isValid.errors]).toEqual([message, true, null]);
  }
  const all = [...base, ...session];
  expect(new Set(all.map(({ type }) => type))).toEqual(new Set(Object.keys(SERVER_MESSAGES)));
  const codes = all.flatMap((message) => (message.type === 'Error' ? [message.code] : []));
  expect(new Set(codes)).toEqual(new Set(Object.keys(ERROR_CODES)));
  await stopped;
});
