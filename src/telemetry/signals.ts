/** Which signals the standard OTEL_* variables ask to export. */

export type Environment = Readonly<Record<string, string | undefined>>;
export type Signal = 'TRACES' | 'METRICS' | 'LOGS';

/** Whether the SDK is switched off, whatever else is set. */
export function isDisabled(env: Environment): boolean {
  return env.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true';
}

/**
 * Whether a signal is exported. The specification's default exporter is OTLP to localhost; a server that
 * nobody configured should try nothing, so here a signal needs an endpoint or a named exporter of its own.
 */
export function exportsSignal(env: Environment, signal: Signal): boolean {
  if (isDisabled(env)) return false;
  if (env.OTEL_CONFIG_FILE) return true;
  const exporter = env[`OTEL_${signal}_EXPORTER`]?.trim();
  if (exporter) return exporter !== 'none';
  return Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT || env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`]);
}

export function exportsAnything(env: Environment): boolean {
  return (['TRACES', 'METRICS', 'LOGS'] as const).some((signal) => exportsSignal(env, signal));
}

/** The protocol spans are exported by; undefined: http/protobuf. */
export function tracesProtocol(env: Environment): string | undefined {
  const [protocol] = [env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL, env.OTEL_EXPORTER_OTLP_PROTOCOL].filter(
    (value) => value?.trim(),
  );
  return protocol?.trim();
}
