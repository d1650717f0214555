import { startScript } from './servers.ts';

/** A collector in a process of its own, whose processor time is nobody's: see sink.ts. */
export interface Collector {
  /** The environment with which a server exports every span to it. */
  readonly env: Readonly<Record<string, string>>;
  /** Spans received so far. */
  readonly spans: number;
  /** Settles when no more have come for a while. */
  settled(): Promise<void>;
  /** Settles when so many have been received, or after the time the sender has for it: false. */
  received(spans: number): Promise<boolean>;
  stop(): Promise<void>;
}

/** Spans in a full batch of Bloom's (docs/operations.md). */
export const BATCH_SPANS = 4096;
/** Room for all spans of a stretch of load: none may be dropped, however late it is exported. */
const MAX_QUEUE_SIZE = 1_000_000;
/** How long Bloom waits before it sends a batch that is not full (docs/operations.md). */
const DELAY_MS = 5000;
const GIVE_UP_MS = 30_000;

/** `protocol`: as OTEL_EXPORTER_OTLP_PROTOCOL. */
export async function startCollector(protocol = 'http/protobuf'): Promise<Collector> {
  const sink = await startScript('./sink.ts', { env: { SINK_PROTOCOL: protocol } });
  const path = protocol === 'grpc' ? '' : '/v1/traces';
  let spans = 0;
  let changed = () => {};
  sink.process.on('message', (news: { spans?: number }) => {
    spans = news.spans ?? spans;
    changed();
  });
  const nextChange = (ms: number): Promise<boolean> =>
    new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), ms);
      changed = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  return {
    env: {
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://127.0.0.1:${sink.url.port}${path}`,
      OTEL_BSP_MAX_QUEUE_SIZE: String(MAX_QUEUE_SIZE),
    },
    get spans() {
      return spans;
    },
    async settled() {
      while (await nextChange(DELAY_MS + 1000));
    },
    async received(wanted) {
      const giveUpAt = performance.now() + GIVE_UP_MS;
      while (spans < wanted && performance.now() < giveUpAt) await nextChange(giveUpAt - performance.now());
      return spans === wanted;
    },
    stop: () => sink.stop(),
  };
}
