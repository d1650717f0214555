import { expect, test } from '@jest/globals';
import { seat, TestClient } from '../support/client.ts';
import { startServer } from '../support/server.ts';

/** Connections in no room: OUTSIDE_TIMEOUT_MS. */

test('a base client, a session, and one that left its room are closed 4408; a member is not', async () => {
  const server = await startServer({ OUTSIDE_TIMEOUT_MS: '1000' });
  const { clients } = await seat(server.wsUrl, 2);
  const [member, leaver] = clients as [TestClient, TestClient];
  const base = await TestClient.connect(server.wsUrl);
  base.send('no message');
  const session = await TestClient.connect(server.wsUrl);
  session.send({ type: 'Hello' });
  leaver.send({ type: 'LeaveRoom' });
  expect(await Promise.all([base.closed, session.closed, leaver.closed])).toEqual([4408, 4408, 4408]);
  await member.settled();
});
