import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { ATTRIBUTE, METRIC } from '../../src/telemetry/names.ts';

/** What no collector, Prometheus or Grafana is here to run: checked as far as reading goes. */

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

type Settings = { [key: string]: Settings | 1 };
type Yaml = { [key: string]: Yaml } | Yaml[] | string | number | boolean | null;

/** The collector's own expansion of `${env:NAME:-default}`; a value is YAML again. */
function expand(text: string): string {
  return text.replaceAll(/\$\{env:\w+(?::-([^}]*))?\}/g, (_, fallback) => fallback ?? '');
}

/** Paths of settings in `value` that `known` does not name. */
function unknownSettings(value: Yaml, known: Settings | 1, path: string): string[] {
  if (known === 1 || typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const setting = known[key];
    return setting === undefined ? [`${path}.${key}`] : unknownSettings(inner, setting, `${path}.${key}`);
  });
}

describe('otel-collector.yaml', () => {
  const config = parse(expand(read('otel-collector.yaml')));
  const known = JSON.parse(read('test/docs/collector-settings.json'));
  const kinds = ['receivers', 'processors', 'exporters', 'extensions'] as const;

  test.each(kinds)('%s are documented components with documented settings', (kind) => {
    expect(unknownSettings(config[kind], known[kind], kind)).toEqual([]);
  });

  test('has what the operations guide promises', () => {
    expect(Object.keys(config.receivers.otlp.protocols)).toEqual(['grpc', 'http']);
    expect(Object.keys(config.processors)).toEqual(['memory_limiter', 'batch']);
    expect(Object.keys(config.exporters)).toEqual(['debug', 'otlp', 'prometheus']);
    expect(config.service.extensions).toEqual(['health_check']);
  });

  test('every pipeline is made of components that exist, the memory limiter first and the batch last', () => {
    expect(Object.keys(config.service.pipelines)).toEqual(['traces', 'metrics', 'logs']);
    for (const pipeline of Object.values<Record<string, string[]>>(config.service.pipelines)) {
      for (const kind of ['receivers', 'processors', 'exporters'] as const) {
        expect(pipeline[kind]?.length).toBeGreaterThan(0);
        for (const name of pipeline[kind] ?? []) expect(Object.keys(config[kind])).toContain(name);
      }
      expect(pipeline.processors?.[0]).toBe('memory_limiter');
      expect(pipeline.processors?.at(-1)).toBe('batch');
    }
  });
});

describe('compose.yaml', () => {
  const { services } = parse(read('compose.yaml'));
  const collector = read('otel-collector.yaml');

  test('mounts files that exist and depends on services that exist', () => {
    for (const { volumes = [], depends_on = [] } of Object.values<{
      volumes?: string[];
      depends_on?: string[];
    }>(services)) {
      for (const volume of volumes)
        expect([volume, existsSync(new URL(volume.split(':')[0] as string, root))]).toEqual([volume, true]);
      for (const name of depends_on) expect(Object.keys(services)).toContain(name);
    }
  });

  test('sets only variables the collector configuration reads, and its addresses meet', () => {
    for (const name of Object.keys(services.collector.environment))
      expect(collector).toContain(`\${env:${name}:-`);
    expect(services.bloom.environment.OTEL_EXPORTER_OTLP_ENDPOINT).toBe('http://collector:4318');
    expect(services.collector.environment.OTLP_HTTP_ENDPOINT).toBe('0.0.0.0:4318');
    const scrape = parse(read('docs/dashboards/prometheus.yaml'));
    expect(scrape.scrape_configs[0].static_configs[0].targets).toEqual(['collector:8889']);
    expect(services.collector.environment.PROMETHEUS_ENDPOINT).toBe('0.0.0.0:8889');
  });

  test('every image has a fixed version', () => {
    for (const { image } of Object.values<{ image?: string }>(services)) {
      if (image !== undefined) expect(image).toMatch(/:v?\d+\.\d+\.\d+$/);
    }
  });
});

describe('the dashboard', () => {
  const dashboard = JSON.parse(read('docs/dashboards/bloom.json'));
  const panels: { title: string; description: string; targets: { expr: string }[] }[] = dashboard.panels;
  /** A metric's name as Prometheus has it, without the suffixes of unit and type. */
  const known = Object.values(METRIC).map(([name]) => name.replaceAll('.', '_'));

  test('every metric it shows exists in the code, and every metric of the code is shown', () => {
    const shown = new Set<string>();
    for (const { expr } of panels.flatMap(({ targets }) => targets)) {
      const names = expr.match(/\b(?:bloom|nodejs)_[a-z0-9_]+/g) ?? [];
      expect([expr, names.length]).toEqual([expr, 1]);
      const name = (names[0] as string).replace(/_(total|bucket)$/, '');
      shown.add(name);
      if (!name.startsWith('nodejs_eventloop_delay_')) expect(known).toContain(name);
    }
    for (const name of known) expect([...shown]).toContain(name);
  });

  test('every label it groups by is an attribute in the code', () => {
    const labels = [...JSON.stringify(panels).matchAll(/by \(([a-z_]+)\)/g)].map(
      ([, label]) => label as string,
    );
    const attributes = Object.values(ATTRIBUTE).map((name) => name.replaceAll('.', '_'));
    for (const label of labels) expect(['le', ...attributes]).toContain(label);
  });

  test('every panel says what it tells', () => {
    for (const { title, description } of panels)
      expect([title, description]).toEqual([title, expect.stringMatching(/\w{3}/)]);
  });
});
