import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { startChild } from '../support/child.ts';
import { Session } from '../support/session.ts';

const GRACE_MS = 1500;

test('a session whose grace would end while the process is stopped can come back afterwards', async () => {
  const server = await startChild({ RESUME_GRACE_MS: String(GRACE_MS), HEARTBEAT_INTERVAL_MS: '60000' });
  try {
    const witness = await Session.open(server.wsUrl);
    const session = await Session.open(server.wsUrl);
    const { room_id } = await session.client.createRoom();
    await witness.client.joinRoom(room_id);
    session.client.socket.terminate();
    await witness.client.nextOf('PeerInterrupted');
    server.process.kill('SIGSTOP');
    await pause(3 * GRACE_MS);
    server.process.kill('SIGCONT');
    const again = await Session.open(server.wsUrl, session.resumption);
    expect(again.ready).toMatchObject({ resumed: true, participant_id: session.id });
  } finally {
    await server.stop();
  }
});
