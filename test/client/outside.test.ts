import { expect, test } from '@jest/globals';
import { Signaling } from '../../src/client/index.ts';
import { startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

test('closed for being in no room, a client is idle and connects again at its next call', async () => {
  const server = await startServer({ OUTSIDE_TIMEOUT_MS: '1000' });
  const client = new Signaling(server.wsUrl);
  const idle = new Promise<number | undefined>((resolve) => {
    client.on('state', ({ status, code }) => status === 'idle' && resolve(code));
  });
  await client.createRoom();
  await client.leave();
  expect(await idle).toBe(4408);
  await until(
    'the server has forgotten it',
    () => server.logs.filter(({ msg }) => msg === 'connection closed').length === 1,
  );
  const { roomId } = await client.createRoom();
  expect([client.state.status, client.room?.roomId]).toEqual(['connected', roomId]);
  client.close();
});
