import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import { parseArgs } from 'node:util';
import { type Config, ConfigError, readConfig, VARIABLES } from './config.ts';
import { reportExhaustedDescriptors } from './descriptors.ts';
import { exitAtOnce, isLookingUp } from './exit.ts';
import type { Inspector } from './inspect/inspector.ts';
import { listenForSignals, SignalReader } from './process-signals.ts';
import { type BloomServer, createServer } from './server.ts';
import { type LogOutput, neverBlocking, standardError } from './telemetry/log-output.ts';
import { createLogger, type Logger } from './telemetry/logger.ts';
import { registerLogMetrics } from './telemetry/metrics.ts';
import type { TelemetrySdk } from './telemetry/otel/sdk.ts';
import { exportsAnything, exportsSignal, isDisabled } from './telemetry/signals.ts';
import { findPage, NO_PAGE } from './web.ts';

/** The process: arguments and environment in, exit code out. 0 stopped, 1 failed, 2 wrong settings or usage. */

/** From the end of the drain to the exit, whatever a client or a collector does. */
const EXIT_DEADLINE_MS = 2500;
/** What a collector gets of it, and what the log gets; closing handshakes have the rest. */
const FLUSH_MS = 1500;
const LOG_MS = 250;
/** From a second signal to the exit: closing handshakes. */
const HURRIED_EXIT_MS = 1000;

const HELP = `Bloom, a WebRTC signalling server.

Usage: bloom [options]
       bloom conformance ws://HOST/ws [options]
       bloom token --room ROOM [options]

Commands:
  conformance    test a signalling server against the protocol (bloom conformance --help)
  token          mint a token that lets its holder in (bloom token --help)

Options:
  --port N       port to listen on (PORT, default ${VARIABLES.PORT.fallback}; 0 takes any free one)
  --host NAME    address to listen on (HOST, default: all interfaces)
  --inspect      start the statechart inspector on localhost (INSPECT=1)
  -h, --help     show this help
  -v, --version  show the version

Everything else is set by environment variables:
${Object.entries(VARIABLES)
  .map(
    ([name, { meaning, fallback }]) => `  ${name.padEnd(25)} ${meaning}${fallback ? ` [${fallback}]` : ''}`,
  )
  .join('\n')}

Traces, metrics and logs are exported as the standard OTEL_* variables say, and only then.

A wrong value is named, with what is allowed, and the exit code is 2. docs/operations.md says more.
`;

class UsageError extends Error {}
class StartError extends Error {}

await main();

async function main(): Promise<void> {
  neverBlocking(process.stdout); // a reader that is gone or stopped, or a full disk
  try {
    const [command, ...rest] = process.argv.slice(2);
    if (command === 'conformance') return await proveConformance(rest);
    if (command === 'token') return await mintToken(rest);
    const { help, version, settings } = readArguments(process.argv.slice(2));
    if (help) return void process.stdout.write(HELP);
    if (version) return void process.stdout.write(`${packageVersion()}\n`);
    await serve(readConfig({ ...process.env, ...settings }));
  } catch (error) {
    if (error instanceof UsageError || error instanceof ConfigError) fail(error.message, 2);
    else if (error instanceof StartError) fail(error.message, 1);
    else fail(error instanceof Error ? (error.stack ?? error.message) : String(error), 1);
  }
}

async function proveConformance(args: string[]): Promise<void> {
  const { conformance } = await import('./conformance/command.ts');
  process.exitCode = await conformance(args, {
    out: (text) => process.stdout.write(text),
    error: (text) => process.stderr.write(text),
  });
}

async function mintToken(args: string[]): Promise<void> {
  const { mintToken } = await import('./auth/token-command.ts');
  process.exitCode = await mintToken(args, process.env, {
    out: (text) => process.stdout.write(text),
    error: (text) => process.stderr.write(text),
  });
}

interface Arguments {
  readonly help: boolean;
  readonly version: boolean;
  /** Settings given as options; they win over the environment. */
  readonly settings: Readonly<Record<string, string>>;
}

function readArguments(args: string[]): Arguments {
  try {
    const { help, version, port, host, inspect } = parseArgs({
      args,
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        inspect: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
        version: { type: 'boolean', short: 'v', default: false },
      },
    }).values;
    const settings = {
      ...(port !== undefined && { PORT: port }),
      ...(host !== undefined && { HOST: host }),
      ...(inspect && { INSPECT: '1' }),
    };
    return { help, version, settings };
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error}\nSee bloom --help.`);
  }
}

async function serve(config: Config): Promise<void> {
  const output = standardError();
  const alsoExport = exportsSignal(process.env, 'LOGS');
  const logger = createLogger(config.logLevel, { stream: output, alsoExport });
  process.once('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'uncaught exception');
    exitAtOnce(1);
  });
  process.on('exit', () => output.writeAtExit());
  process.on('SIGUSR1', () => logger.info('SIGUSR1 opens no debugger: start Node with --inspect for one'));
  const telemetry = await startTelemetryIfAsked(config, logger);
  registerLogMetrics(output);
  reportExhaustedDescriptors(logger);
  const inspector = config.inspect ? await startInspector(config, logger) : undefined;
  const page = findPage(config.frameAncestors);
  if (page === undefined) logger.warn('the call page has not been built: npm run build:web');
  const server = createServer(config, logger, {
    page: page ?? NO_PAGE,
    ...(telemetry?.prometheus && { prometheus: telemetry.prometheus }),
    ...(inspector && { inspect: inspector.inspect }),
  });
  stopOnSignal(server, telemetry, config, logger, output);
  const url = await listen(() => server.listen(), config.host, config.port, '--port');
  const socketUrl = new URL('ws', url);
  socketUrl.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  process.stdout.write(`Bloom is listening on ${socketUrl} (health: ${new URL('healthz', url)})\n`);
  if (process.stdout.isTTY && page !== undefined) process.stdout.write(`Open ${url} to talk.\n`);
  if (inspector) process.stdout.write(`Inspector: ${inspector.url}\n`);
  logger.info({ url: url.href }, 'listening');
}

/** The SDK is loaded only when something is to be exported: it takes a while, and memory. */
async function startTelemetryIfAsked(config: Config, logger: Logger): Promise<TelemetrySdk | undefined> {
  if (isDisabled(process.env) || !(config.prometheus || exportsAnything(process.env))) return undefined;
  const { startTelemetry } = await import('./telemetry/otel/sdk.ts');
  const { prometheus, fastPaths } = config;
  return startTelemetry(process.env, { version: packageVersion(), prometheus, fastPaths, logger });
}

async function startInspector(config: Config, logger: Logger): Promise<Inspector> {
  const { startInspector } = await import('./inspect/inspector.ts');
  const start = () => startInspector({ port: config.inspectPort, logger });
  return listen(start, '127.0.0.1', config.inspectPort, 'INSPECT_PORT');
}

/** SIGTERM drains, as a deploy needs it. SIGINT comes from a person at a terminal, and does not wait. */
function stopOnSignal(
  server: BloomServer,
  telemetry: TelemetrySdk | undefined,
  { drainTimeoutMs }: Config,
  logger: Logger,
  output: LogOutput,
): void {
  const reader = new SignalReader(
    {
      async stop(cause, drain) {
        const drainMs = drain ? drainTimeoutMs : 0;
        logger.info({ signal: cause, drain_ms: drainMs }, 'stopping');
        setTimeout(() => exitAtOnce(0), drainMs + EXIT_DEADLINE_MS).unref();
        await server.stop({ drainMs });
        logger.info('stopped');
        const isShut = telemetry === undefined || (await telemetry.shutdown(FLUSH_MS));
        await output.written(LOG_MS);
        if (isShut && !isLookingUp()) process.exit(0);
        exitAtOnce(0);
      },
      async stopNow(cause) {
        logger.info({ signal: cause }, 'stopping at once');
        setTimeout(() => exitAtOnce(1), HURRIED_EXIT_MS).unref();
        await server.stop();
        exitAtOnce(1);
      },
      exit: () => exitAtOnce(1),
      reload: () => server.reload(),
    },
    isatty(0),
  );
  listenForSignals(reader);
}

/** Runs `start`; what keeps it from listening becomes a sentence that says what to do. */
async function listen<T>(
  start: () => Promise<T>,
  host: string | undefined,
  port: number,
  setting: string,
): Promise<T> {
  try {
    return await start();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const where = `Cannot listen on ${host === undefined ? `port ${port}` : `${host}:${port}`}`;
    switch (code) {
      case 'EADDRINUSE':
        throw new StartError(
          `${where}: it is in use. Stop what listens there, or choose another with ${setting}.`,
        );
      case 'EACCES':
        throw new StartError(`${where}: permission denied. Choose a port from 1024 up with ${setting}.`);
      default:
        throw new StartError(`${where}: ${message}. Check HOST and PORT.`);
    }
  }
}

function packageVersion(): string {
  // src/main.ts and dist/src/main.js lie at different depths.
  for (const path of ['../package.json', '../../package.json']) {
    try {
      return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')).version;
    } catch {}
  }
  return 'unknown';
}

function fail(message: string, code: number): void {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}
