import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Collector, startCollector } from './collector.ts';
import { DIALECTS, type Dialect, type DialectName } from './dialects.ts';
import { type RunningServer, type StartOptions, startBloom, startScript } from './servers.ts';

/** The servers that are compared, by the names the command lines and tables have for them. */

export interface Contestant {
  readonly name: string;
  readonly dialectName: DialectName;
  readonly dialect: Dialect;
  readonly server: RunningServer;
  /** Where its spans go, if it exports any. */
  readonly collector?: Collector;
  stop(): Promise<void>;
}

export interface EnterOptions extends StartOptions {
  /** Another tree's src/main.ts, which enters as `main`. */
  readonly main?: string | undefined;
  /** Bloom keeps its own limits: the load is a client's. */
  readonly hasOwnLimits?: boolean;
}

/** Bloom's limits, out of the way of a load that is not a client's. */
const PATIENT = {
  RATE_LIMIT_MESSAGES: '5000',
  MAX_QUEUE_BYTES: String(64 * 1024 * 1024),
  MAX_CONNECTIONS: '1000000',
  FIRST_MESSAGE_TIMEOUT_MS: '3600000',
};

/** All clients come from one machine. */
const UNCOUNTED = { MAX_CONNECTIONS: '1000000' };

/** How Bloom samples and exports, by what follows its name. */
const VARIANTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'bloom 10 %': { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' },
  'bloom 1 %': { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' },
  'bloom always_on': { OTEL_TRACES_SAMPLER: 'always_on' },
  'bloom http/json': { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
  'bloom grpc': { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
};

/** The peers: package, and how it is spoken to. Their scripts are in bench/peers/. */
const PEERS = {
  'y-webrtc': 'yjs',
  peer: 'peerjs',
  'socket.io': 'socketio',
  'protoo-server': 'protoo',
  '@colyseus/core': 'colyseus',
} as const;

export const PEER_NAMES = Object.keys(PEERS) as (keyof typeof PEERS)[];

export const INSTALL_PEERS = 'npm ci --ignore-scripts --prefix bench/peers';

/** Whether bench/peers is installed; `npm ci` at the root leaves it out. */
export function hasPeers(): boolean {
  return existsSync(fileURLToPath(new URL('../peers/node_modules', import.meta.url)));
}

/** What the options `--env NAME=VALUE` set. */
export function environmentOf(pairs: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(pairs.map((pair) => pair.split(/=(.*)/s).slice(0, 2)));
}

/** Starts the server of this name. `env` reaches Bloom alone. Throws for an unknown name, or peers not installed. */
export async function enter(name: string, options: EnterOptions = {}): Promise<Contestant> {
  const { nodeOptions = [] } = options;
  const env: Record<string, string> = {
    ...(options.hasOwnLimits ? UNCOUNTED : PATIENT),
    ...VARIANTS[name],
    ...options.env,
  };
  switch (name) {
    case 'bare':
    case 'bare again':
      return contestant(name, 'bare', await startScript('./bare.ts', { nodeOptions }));
    case 'glue':
    case 'glue again':
      return contestant(name, 'glue', await startScript('./glue.ts', { nodeOptions }));
    case 'echo':
      return contestant(name, 'echo', await startScript('./echo.ts', { nodeOptions }));
    case 'bloom no spans':
      return contestant(name, 'bloom', await startBloom({ env, nodeOptions }));
    case 'bloom':
    case 'bloom 10 %':
    case 'bloom 1 %':
    case 'bloom always_on':
    case 'bloom http/json':
    case 'bloom grpc':
    case 'main': {
      const collector = await startCollector(env.OTEL_EXPORTER_OTLP_PROTOCOL);
      const start = { env: { ...collector.env, ...env }, nodeOptions };
      const server = await startBloom(start, name === 'main' ? options.main : undefined);
      return contestant(name, 'bloom', server, collector);
    }
  }
  if (!Object.hasOwn(PEERS, name))
    throw new Error(
      `no server ${name}; there are bare, bare again, glue, glue again, bloom, bloom no spans, ${Object.keys(VARIANTS)}, echo, ${PEER_NAMES}`,
    );
  if (!hasPeers()) throw new Error(`The peers are not installed: ${INSTALL_PEERS}`);
  const peer = PEERS[name as keyof typeof PEERS];
  return contestant(name, peer, await startScript(`../peers/${peer}.js`, { nodeOptions }));
}

function contestant(
  name: string,
  dialectName: DialectName,
  server: RunningServer,
  collector?: Collector,
): Contestant {
  return {
    name,
    dialectName,
    dialect: DIALECTS[dialectName],
    server,
    ...(collector && { collector }),
    async stop() {
      await server.stop();
      await collector?.stop();
    },
  };
}
