import { afterAll } from '@jest/globals';
import { readConfig } from '../../src/config.ts';
import { type BloomServer, createServer, type Parts } from '../../src/server.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

export interface TestServer extends BloomServer {
  /** `http://127.0.0.1:PORT/` */
  readonly url: URL;
  /** `ws://127.0.0.1:PORT/ws` */
  readonly wsUrl: URL;
  /** Every log line so far, parsed. */
  readonly logs: Record<string, unknown>[];
}

/** `BLOOM_FAST_PATHS=off npm test -- test/server` runs the same tests on the documented API of Bloom's dependencies. */
const { BLOOM_FAST_PATHS } = process.env;
const FAST_PATHS = BLOOM_FAST_PATHS === undefined ? {} : { BLOOM_FAST_PATHS };

const started: BloomServer[] = [];
// What a failed test leaves running would keep Jest from exiting.
afterAll(async () => {
  await Promise.all(started.map((server) => server.stop()));
});

/** Starts a server in this process on a free port of 127.0.0.1, set up by environment variables. */
export async function startServer(env: Record<string, string> = {}, parts: Parts = {}): Promise<TestServer> {
  const logs: Record<string, unknown>[] = [];
  const logger = createLogger('debug', { stream: { write: (line) => void logs.push(JSON.parse(line)) } });
  const config = readConfig({ HOST: '127.0.0.1', PORT: '0', ...FAST_PATHS, ...env });
  const server = createServer(config, logger, parts);
  started.push(server);
  const url = await server.listen();
  const wsUrl = new URL('ws', url);
  wsUrl.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return { ...server, url, wsUrl, logs };
}

/** What /healthz says. */
export async function health({ url }: Pick<TestServer, 'url'>): Promise<{
  status: string;
  rooms: number;
  connections: number;
  uptime: number;
}> {
  const response = await fetch(new URL('/healthz', url));
  return (await response.json()) as Awaited<ReturnType<typeof health>>;
}
