import { type DiagLogger, DiagLogLevel } from '@opentelemetry/api';
import type { Logger } from './logger.ts';
import type { Environment } from './signals.ts';

const QUIET_MS = 60_000;
const SHOWN = 300;
/** Characters that one thread tells another: what is shown of them is found in an error's JSON, which has a stack, too. */
const FORWARDED = 4096;

/** One thing OpenTelemetry has to say about itself. */
export interface Diagnostic {
  readonly level: keyof DiagLogger;
  readonly text: string;
}

/** From where on OpenTelemetry speaks: OTEL_LOG_LEVEL, or warnings. */
export function diagnosticsLevel(env: Environment): DiagLogLevel {
  return DiagLogLevel[env.OTEL_LOG_LEVEL?.toUpperCase() as keyof typeof DiagLogLevel] ?? DiagLogLevel.WARN;
}

/** Says it elsewhere: in another thread. */
export function forwardedDiagnostics(forward: (diagnostic: Diagnostic) => void): DiagLogger {
  const at =
    (level: keyof DiagLogger) =>
    (message: string, ...details: unknown[]) =>
      forward({ level, text: textOf(message, details).slice(0, FORWARDED) });
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    verbose: at('verbose'),
  };
}

/**
 * The SDK's own complaints, as lines of our log: one a minute, however often a dead collector makes it
 * complain; the next line says how many went unsaid. `now` is in milliseconds.
 */
export function quietDiagnostics(logger: Logger, now: () => number = () => performance.now()): DiagLogger {
  let lastAt = -Infinity;
  let unsaid = 0;
  const complain = (message: string, ...details: unknown[]): void => {
    if (now() - lastAt < QUIET_MS) {
      unsaid += 1;
      return;
    }
    const line = { detail: shorten(textOf(message, details)), unsaid };
    lastAt = now(); // before it is logged: where logs are exported, the next complaint can be about that
    unsaid = 0;
    logger.warn(line, 'telemetry export has trouble');
  };
  return {
    error: complain,
    warn: complain,
    info: (message) => logger.info({ detail: message }, 'telemetry'),
    debug: (message) => logger.debug({ detail: message }, 'telemetry'),
    verbose: (message) => logger.trace({ detail: message }, 'telemetry'),
  };
}

function textOf(message: string, details: readonly unknown[]): string {
  return [message, ...details.map(String)].join(' ');
}

/** The SDK reports errors as one JSON text, stack and all; the message in it says enough. */
function shorten(text: string): string {
  try {
    const { name, message: reason, code } = JSON.parse(text) as Record<string, unknown>;
    return [name, code, reason].filter(Boolean).join(': ').slice(0, SHOWN);
  } catch {
    return text.slice(0, SHOWN);
  }
}
