import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { type ChildServer, startChild } from '../support/child.ts';
import { TestClient } from '../support/client.ts';
import { until, within } from '../support/wait.ts';

/** A name server that does not answer: Node waits at its exit for each lookup under way, and the server does not. */

const NAME_SERVER = '127.0.0.77';
const COLLECTOR = 'http://collector.example:4318';
/** The resolver gives a lookup up after 150 s. */
const PATIENCE = 'timeout:30 attempts:5';
const SOON = 100_000;
jest.setTimeout(200_000);

let undo: (() => unknown)[];
beforeEach(() => {
  undo = [];
});
afterEach(async () => {
  for (const each of undo.reverse()) await each();
});

const asRoot = process.getuid?.() === 0 ? test : test.skip;

/** A server that looks up the name of its collector, and one client. */
async function lookingUp(env: Record<string, string>): Promise<{ server: ChildServer; client: TestClient }> {
  const names = createSocket('udp4').bind(53, NAME_SERVER);
  undo.push(() => names.close());
  await once(names, 'listening');
  const asked = once(names, 'message');
  const directory = mkdtempSync(join(tmpdir(), 'bloom-names-'));
  undo.push(() => rmSync(directory, { recursive: true }));
  const resolver = join(directory, 'resolv.conf');
  writeFileSync(resolver, `nameserver ${NAME_SERVER}\noptions ${PATIENCE}\n`);
  const server = await startChild(
    {
      OTEL_BSP_SCHEDULE_DELAY: '50',
      OTEL_METRIC_EXPORT_INTERVAL: '100',
      DRAIN_TIMEOUT_MS: '100',
      ...env,
    },
    ['unshare', '--mount', 'sh', '-c', `mount --bind ${resolver} /etc/resolv.conf && exec "$@"`, 'sh'],
  );
  undo.push(() => server.stop('SIGKILL'));
  const client = await TestClient.connect(server.wsUrl);
  await client.createRoom();
  await within(SOON, 'the lookup', asked);
  return { server, client };
}

asRoot.each<[string, Record<string, string>]>([
  ['over http', { OTEL_EXPORTER_OTLP_ENDPOINT: COLLECTOR }],
  ['over grpc', { OTEL_EXPORTER_OTLP_ENDPOINT: COLLECTOR, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }],
  [
    'when the export has given up, and the lookup has not',
    {
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: COLLECTOR,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_TIMEOUT: '50',
    },
  ],
])('a collector whose name nobody resolves does not hold the exit up: %s', async (_, env) => {
  const { server, client } = await lookingUp(env);
  const exit = within(SOON, 'the exit', server.stop());
  expect(await client.closed).toBe(1012);
  expect(await exit).toBe(0);
  expect(server.logs().map(({ msg }) => msg)).toContain('stopped');
});

asRoot('nor an exit by a second signal', async () => {
  const { server, client } = await lookingUp({
    OTEL_EXPORTER_OTLP_ENDPOINT: COLLECTOR,
    DRAIN_TIMEOUT_MS: '600000',
  });
  server.process.kill('SIGTERM');
  await until('it drains', () => server.logs().some(({ msg }) => msg === 'stopping'), SOON);
  const exit = within(SOON, 'the exit', server.stop('SIGINT'));
  expect(await client.closed).toBe(1012);
  expect(await exit).toBe(1);
});
