import { afterAll } from '@jest/globals';
import { readConfig } from '../../src/config.ts';
import { type BloomServer, createServer, type Parts } from '../../src/server.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { RemoteRouter } from './remote/router.ts';

export interface TestServer extends BloomServer {
  /** `http://127.0.0.1:PORT/` */
  readonly url: URL;
  /** `ws://127.0.0.1:PORT/ws` */
  readonly wsUrl: URL;
  /** Every log line so far, parsed. */
  readonly logs: Record<string, unknown>[];
  /** Rooms in another thread. */
  remoteRooms(): Promise<number>;
}

/** `BLOOM_FAST_PATHS=off npm test -- test/server` runs the same tests on the documented API of Bloom's dependencies. */
const { BLOOM_FAST_PATHS } = process.env;
const FAST_PATHS = BLOOM_FAST_PATHS === undefined ? {} : { BLOOM_FAST_PATHS };

/** Set in the Jest project `remote router`: the rooms of each server are in another thread. */
const HAS_REMOTE_ROUTER = process.env.BLOOM_TEST_ROUTER === 'remote';

const started: BloomServer[] = [];
// What a failed test leaves running would keep Jest from exiting.
afterAll(async () => {
  await Promise.all(started.map((server) => server.stop()));
  await RemoteRouter.end();
});

/** Starts a server in this process on a free port of 127.0.0.1, set up by environment variables. */
export async function startServer(env: Record<string, string> = {}, parts: Parts = {}): Promise<TestServer> {
  const logs: Record<string, unknown>[] = [];
  const logger = createLogger('debug', { stream: { write: (line) => void logs.push(JSON.parse(line)) } });
  const config = readConfig({ HOST: '127.0.0.1', PORT: '0', ...FAST_PATHS, ...env });
  let remote: RemoteRouter | undefined;
  const router: Parts['router'] = (replies) => {
    remote = new RemoteRouter(config, replies, (line) => void logs.push(line));
    return remote;
  };
  const isRemote = HAS_REMOTE_ROUTER && parts.roomMachine === undefined;
  const bloom = createServer(config, logger, { ...(isRemote && { router }), ...parts });
  const server: BloomServer = {
    ...bloom,
    async stop(options) {
      await bloom.stop(options);
      remote?.close();
    },
  };
  started.push(server);
  const url = await server.listen();
  const wsUrl = new URL('ws', url);
  wsUrl.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return { ...server, url, wsUrl, logs, remoteRooms: async () => (await remote?.rooms()) ?? 0 };
}

/** What /healthz says. */
export async function health({ url, remoteRooms }: Pick<TestServer, 'url'> & Partial<TestServer>): Promise<{
  status: string;
  rooms: number;
  connections: number;
  uptime: number;
}> {
  const response = await fetch(new URL('/healthz', url));
  const here = (await response.json()) as Awaited<ReturnType<typeof health>>;
  return { ...here, rooms: here.rooms + ((await remoteRooms?.()) ?? 0) };
}
