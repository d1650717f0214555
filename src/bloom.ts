import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Config, ConfigError, readConfig, VARIABLES } from './config.ts';
import { createServer, type Parts } from './server.ts';
import { createLogger, type Logger } from './telemetry/logger.ts';

/** What an embedder sets: every setting of docs/operations.md by its name in camelCase, and how the server is reached. */
export interface BloomOptions
  extends Partial<Omit<Config, 'inspect' | 'inspectPort' | 'prometheus' | 'basePath'>>,
    Pick<Parts, 'router' | 'codecs'> {
  /** An HTTP server of the application: its upgrades to `path` are answered. It is neither started nor closed. */
  readonly server?: Server;
  /** Nothing listens: the application calls `attach` or `handleUpgrade`. */
  readonly noServer?: boolean;
  /** The path of the WebSocket; `/ws` if left out. */
  readonly path?: string;
  /** Structured log lines; none if left out. */
  readonly logger?: Logger;
}

/** A Bloom within an application. */
export interface Bloom {
  /** Listens on `port` and `host`, and returns the base URL. Not with `server` or `noServer`. */
  listen(): Promise<URL>;
  /** Answers the upgrades of an HTTP server that are for this Bloom's path, and leaves all others alone. */
  attach(server: Server): void;
  /** Answers one upgrade, whatever its path was in the application. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Closes every WebSocket. With `drainMs`, sessions have that long to go elsewhere. HTTP servers stay open. */
  close(options?: { readonly drainMs?: number }): Promise<void>;
}

/** Settings whose variable has another name than the option's. */
const NAMES: Readonly<Record<string, string>> = { fastPaths: 'BLOOM_FAST_PATHS' };
const NOT_SETTINGS = new Set(['server', 'noServer', 'path', 'logger', 'router', 'codecs']);
const PATH = /^(?:\/[\w.~-]+)+$/;

/** Makes a Bloom. Every option has a default. Throws ConfigError, which names the option that is wrong. */
export function createBloom(options: BloomOptions = {}): Bloom {
  const { server, noServer = false, path = '/ws', logger = createLogger('silent'), router, codecs } = options;
  const isEmbedded = server !== undefined || noServer;
  if (server !== undefined && noServer) throw new ConfigError('server and noServer are set; allowed: one.');
  for (const name of ['port', 'host'] as const) {
    if (isEmbedded && options[name] !== undefined)
      throw new ConfigError(`${name} is set, but server or noServer too: nothing listens there.`);
  }
  if (server !== undefined && typeof server?.on !== 'function')
    throw new ConfigError('server is no http.Server.');
  if (!PATH.test(path))
    throw new ConfigError(`path is ${JSON.stringify(path)}; allowed: a path such as /ws.`);
  const bloom = createServer(readOptions(options), logger, {
    path,
    ...(router && { router }),
    ...(codecs && { codecs }),
  });
  const attached = new Map<Server, (request: IncomingMessage, socket: Duplex, head: Buffer) => void>();
  const start = () =>
    bloom.start().catch((error: unknown) => logger.error({ err: error }, 'Bloom has not started'));

  function handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    request.url = path; // the application has decided that it is for this Bloom
    void start().then(() => bloom.handleUpgrade(request, socket as Socket, head));
  }

  function attach(to: Server): void {
    if (attached.has(to)) return;
    const listener = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
      if (bloom.isFor(request)) void start().then(() => bloom.handleUpgrade(request, socket as Socket, head));
    };
    attached.set(to, listener);
    to.on('upgrade', listener);
  }

  if (server !== undefined) attach(server);
  return {
    async listen() {
      if (isEmbedded) throw new ConfigError('listen() needs neither server nor noServer.');
      return bloom.listen();
    },
    attach,
    handleUpgrade,
    async close({ drainMs = 0 } = {}) {
      await bloom.stop({ drainMs });
      for (const [to, listener] of attached) to.off('upgrade', listener);
      attached.clear();
    },
  };
}

/** Reads options as the environment is read, so that the same values are allowed. */
function readOptions(options: BloomOptions): Config {
  const env: Record<string, string> = {};
  const optionOf = new Map<string, string>();
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined || NOT_SETTINGS.has(option)) continue;
    const name = NAMES[option] ?? option.replace(/[A-Z]/g, '_$&').toUpperCase();
    if (!Object.hasOwn(VARIABLES, name)) throw new ConfigError(`${option} is no option of Bloom.`);
    env[name] = textOf(option, value);
    optionOf.set(name, option);
  }
  try {
    return readConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const message = error.message.replace(/\b[A-Z]+(?:_[A-Z]+)*\b/g, (name) => optionOf.get(name) ?? name);
    throw new ConfigError(message);
  }
}

function textOf(option: string, value: unknown): string {
  if (option === 'fastPaths') return value ? 'on' : 'off';
  if (option === 'iceServers') return JSON.stringify(value);
  if (typeof value === 'boolean') return value ? '1' : '0';
  return Array.isArray(value) ? value.join(',') : String(value);
}
