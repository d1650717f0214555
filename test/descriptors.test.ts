import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, jest, test } from '@jest/globals';
import { type ChildServer, startChild } from './support/child.ts';
import { until } from './support/wait.ts';

jest.setTimeout(300_000);

let server: ChildServer;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.stop('SIGKILL');
});

function lines(msg: string) {
  return server.logs().filter((line) => String(line.msg).startsWith(msg));
}

async function open(): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port: Number(server.url.port) });
  socket.on('error', () => {});
  sockets.push(socket);
  await once(socket, 'connect');
}

test('a process without a file descriptor left says so once, and again when there are some', async () => {
  server = await startChild({}, ['sh', '-c', 'ulimit -n 64; exec "$0" "$@"']);
  await until(
    'it says so',
    async () => {
      await open();
      return lines('no file descriptor is left').length > 0;
    },
    100_000,
  );
  expect(lines('no file descriptor is left')).toMatchObject([{ level: 'error', code: 'EMFILE' }]);
  for (const socket of sockets.splice(0)) socket.destroy();
  await until('it says so', () => lines('file descriptors are free again').length > 0, 100_000);
  expect((await fetch(new URL('/readyz', server.url))).status).toBe(200);
  expect(lines('no file descriptor is left')).toHaveLength(1);
});
