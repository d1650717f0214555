import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { seat } from '../support/client.ts';
import { startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

/** The class of docs/without-the-sdk.md, run as it stands there. */

type PacedSocket = new (socket: WebSocket) => { send(message: object): void };

const doc = readFileSync(new URL('../../docs/without-the-sdk.md', import.meta.url), 'utf8');
const source = /```js paced-socket\n([\s\S]*?)```/.exec(doc)?.[1] as string;

let Paced: PacedSocket;
beforeAll(async () => {
  ({ PacedSocket: Paced } = await import(`data:text/javascript,${encodeURIComponent(source)}`));
});
const sockets: WebSocket[] = [];
afterAll(() => {
  for (const socket of sockets) socket.close();
});

/** Sends so many offers at once to somebody in a room; returns what the sender was refused and what arrived. */
async function send(
  count: number,
  env: Record<string, string>,
): Promise<{ refused: number; heard: string[] }> {
  const { wsUrl } = await startServer(env);
  const { clients, ids, room_id } = await seat(wsUrl, 1);
  const socket = new WebSocket(wsUrl);
  sockets.push(socket);
  let refused = 0;
  socket.addEventListener('message', ({ data }) => {
    if (JSON.parse(data).code === 'RateLimited') refused += 1;
  });
  await once(socket, 'open');
  const paced = new Paced(socket);
  paced.send({ type: 'JoinRoom', room_id });
  for (let i = 0; i < count; i++) paced.send({ type: 'Offer', to: ids[0] as string, sdp: `${i}` });
  const heard = () => (clients[0]?.heard ?? []).flatMap((each) => (each.type === 'Offer' ? [each.sdp] : []));
  await until('every offer', () => new Set(heard()).size === count);
  return { refused, heard: heard() };
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);

test('the paced socket stays below the limit', async () => {
  expect(await send(30, {})).toEqual({ refused: 0, heard: numbers(30) });
});

test('what was dropped is sent again, each once and in order', async () => {
  const { refused, heard } = await send(12, { RATE_LIMIT_MESSAGES: '5' });
  expect(refused).toBeGreaterThan(0);
  expect(heard).toEqual(numbers(12));
});
