import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { TestClient } from '../support/client.ts';
import { startServer } from '../support/server.ts';

/** What sessions may cost the server, whatever clients do. */

test('beyond MAX_CONNECTIONS sessions, one that loses its socket leaves at once', async () => {
  const server = await startServer({ MAX_CONNECTIONS: '3' });
  const witness = await TestClient.connect(server.wsUrl);
  witness.send({ type: 'Hello' });
  const { room_id } = await witness.createRoom();
  const ids: string[] = [];
  for (let i = 0; i < 3; i += 1) {
    const client = await TestClient.connect(server.wsUrl);
    client.send({ type: 'Hello' });
    ids.push(await client.joinRoom(room_id));
    client.socket.terminate();
    await witness.nextOf(i < 2 ? 'PeerInterrupted' : 'PeerDisconnected');
  }
  const { participants } = await witness.nextOf('RoomParticipants');
  expect(participants).toHaveLength(3);
  expect(participants).not.toContain(ids[2]);
  await server.stop();
});

test('rooms asked for count as attempts of their address, so that one client cannot take them all', async () => {
  const server = await startServer({
    TRUST_PROXY: 'loopback',
    MAX_ATTEMPTS_PER_ADDRESS: '5',
    RATE_LIMIT_MESSAGES: '1000',
  });
  const client = await TestClient.connect(server.wsUrl, { headers: { 'X-Forwarded-For': '203.0.113.9' } });
  for (let i = 0; i < 5; i += 1) {
    client.send({ type: 'CreateRoom' });
    client.send({ type: 'LeaveRoom' });
  }
  expect(await client.closed).toBe(4429);
  await server.stop();
});

test.each(['00000000-0000-0000-0000-000000000000', '11111111-1111-1111-8111-111111111111'])(
  'create_if_missing opens no room under an id that can be guessed: %s',
  async (room_id) => {
    const server = await startServer();
    const client = await TestClient.connect(server.wsUrl);
    client.send({ type: 'Hello' });
    await client.nextOf('Ready');
    client.send({ type: 'JoinRoom', room_id, create_if_missing: true });
    expect(await client.next()).toMatchObject({ type: 'Error', code: 'InvalidPayload' });
    client.send({ type: 'JoinRoom', room_id: randomUUID(), create_if_missing: true });
    expect(await client.next()).toMatchObject({ type: 'PeerConnected' });
    await server.stop();
  },
);
