import { randomUUID } from 'node:crypto';
import type { InspectionEvent } from 'xstate';
import type { Logger } from '../telemetry/logger.ts';
import { Bridge } from './bridge.ts';
import { Charts } from './charts.ts';
import { Feed } from './feed.ts';
import { warmUp } from './layout.ts';
import { type Limits, Registry } from './registry.ts';
import { StatelyFeed } from './stately.ts';

export interface Inspector {
  /** Of our page; Stately's is at `/stately`, and the WebSocket at `/ws`. */
  readonly url: URL;
  /** Give it to every actor. Never throws. */
  readonly inspect: (event: InspectionEvent) => void;
  /** Disconnects every page. Idempotent. */
  stop(): Promise<void>;
}

const LIMITS: Limits = { perMachine: 250, endedForMs: 15_000 };
const SWEEP_MS = 1000;

/**
 * Serves live statecharts on `http://127.0.0.1:PORT/`, to browsers of this machine alone; port 0 takes any
 * free one. Throws what `net.Server` emits: EADDRINUSE, EACCES, …
 */
export async function startInspector(options: { port: number; logger: Logger }): Promise<Inspector> {
  const { port, logger } = options;
  await warmUp();
  const run = randomUUID();
  const registry = new Registry(LIMITS);
  const charts = new Charts();
  registry.listen({
    // Drawn when the first actor of a machine appears, so that a page need not wait.
    appeared: ({ definition }) => void (definition && charts.of(definition)),
    changed() {},
    forgotten() {},
  });
  const stately = new StatelyFeed(registry);
  const bridge = new Bridge(
    {
      page: (socket) => void new Feed(socket, registry, charts, run),
      stately: (socket) => stately.serve(socket),
      chart: (name) => charts.named(name)?.svg,
    },
    logger,
  );
  const url = await bridge.listen(port);
  const sweeping = setInterval(() => registry.sweep(), SWEEP_MS).unref();
  logger.info({ url: url.href }, 'inspector listening');

  let isBroken = false;
  let isStopped = false;
  return {
    url,
    inspect(event) {
      if (isStopped) return;
      try {
        registry.inspect(event);
      } catch (error) {
        // An actor must not fail because somebody looks. Once is enough in the log.
        if (!isBroken) logger.error({ err: error, event: event.type }, 'inspector failed on an event');
        isBroken = true;
      }
    },
    async stop() {
      isStopped = true;
      clearInterval(sweeping);
      await bridge.stop();
    },
  };
}
