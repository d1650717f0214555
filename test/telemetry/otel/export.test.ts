import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type ChildServer, startChild } from '../../support/child.ts';
import { seat } from '../../support/client.ts';
import { type Behaviour, type OtlpReceiver, receiveGrpc, receiveHttp } from '../../support/otlp/receiver.ts';
import { until } from '../../support/wait.ts';

/** The server as a process, exporting to a receiver that decodes what arrives. */

const SOON = 100_000;
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const { close } of open.splice(0).reverse()) await close();
});

async function receiver(start: Promise<OtlpReceiver>): Promise<OtlpReceiver> {
  const started = await start;
  open.push(started);
  return started;
}

/** A server that does not wait long for its clients when it is told to stop. */
async function child(env: Record<string, string>): Promise<ChildServer> {
  const started = await startChild({ DRAIN_TIMEOUT_MS: '100', OTEL_BSP_SCHEDULE_DELAY: '100', ...env });
  open.push({ close: () => started.stop('SIGKILL') });
  return started;
}

/** Spans of one call. */
const SPANS = 8;

/** Stops the server once the spans of one call have arrived: at the stop they have little time on a busy machine. */
async function stopAfter(server: ChildServer, { spans }: OtlpReceiver): Promise<void> {
  await until('the spans arrive', () => spans.length >= SPANS, SOON);
  expect(await server.stop()).toBe(0);
}

/** Two clients, one offer and one that is refused. */
async function oneCall(server: ChildServer, headers: Record<string, string> = {}) {
  const { room_id, clients, ids } = await seat(server.wsUrl, 2, { headers });
  const [a, b] = clients as [(typeof clients)[0], (typeof clients)[0]];
  a.send({ type: 'Offer', to: ids[1], sdp: 'v=0 secret-sdp' });
  await b.nextOf('Offer');
  a.send({ type: 'Offer', to: room_id, sdp: 'v=0 secret-sdp' });
  await a.nextOf('Error');
  for (const client of clients) {
    client.close();
    await client.closed;
  }
  return { room_id, ids: ids as [string, string] };
}

describe.each([
  ['http/protobuf', 'application/x-protobuf', receiveHttp],
  ['http/json', 'application/json', receiveHttp],
  ['grpc', 'grpc', receiveGrpc],
] as const)('over %s', (protocol, contentType, receive) => {
  test('every handshake and message arrives as a span, with its resource, attributes, events and links', async () => {
    const otlp = await receiver(receive());
    const server = await child({
      OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_SERVICE_NAME: 'bloom-under-test',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    });
    const { room_id, ids } = await oneCall(server);
    await stopAfter(server, otlp);

    expect([...otlp.protocols]).toEqual([contentType]);
    expect(otlp.spans.map(({ name }) => name).sort()).toEqual(
      [
        'create room',
        'disconnect',
        'disconnect',
        'handshake',
        'handshake',
        'join room',
        'relay Offer',
        'relay Offer',
      ].sort(),
    );
    for (const span of otlp.spans) {
      expect(span.resource).toMatchObject({
        'service.name': 'bloom-under-test',
        'service.version': expect.stringMatching(/^\d/),
        'deployment.environment.name': 'test',
      });
      expect(ids).toContain(span.attributes.participant_id);
      expect(span.endNanos).toBeGreaterThanOrEqual(span.startNanos);
    }
    const offer = otlp.spans.find(
      ({ name, attributes }) => name === 'relay Offer' && attributes.outcome === 'ok',
    );
    const handshake = otlp.spans.find(
      ({ name, attributes }) => name === 'handshake' && attributes.participant_id === ids[0],
    );
    expect(offer).toMatchObject({
      attributes: { participant_id: ids[0], room_id, message_type: 'Offer', outcome: 'ok' },
      events: [{ name: 'delivered', attributes: { participant_id: ids[1], message_type: 'Offer' } }],
      links: [{ traceId: handshake?.traceId, spanId: handshake?.spanId }],
      parentSpanId: '',
    });
    expect(offer?.traceId).not.toBe(handshake?.traceId);
    const refused = otlp.spans.find(({ attributes }) => attributes.outcome === 'ParticipantNotFound');
    expect(refused).toMatchObject({
      events: [{ name: 'refused', attributes: { participant_id: ids[0], code: 'ParticipantNotFound' } }],
      statusCode: 0,
    });
    expect(
      JSON.stringify(otlp.spans, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
    ).not.toContain('secret-sdp');
  });

  test('metrics arrive', async () => {
    const otlp = await receiver(receive());
    const server = await child({
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: protocol === 'grpc' ? otlp.url : `${otlp.url}/v1/metrics`,
      OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: protocol,
    });
    await oneCall(server);
    const { clients } = await seat(server.wsUrl, 3);
    expect(await server.stop()).toBe(0);
    await Promise.all(clients.map(({ closed }) => closed));

    const last = (name: string, attributes: Record<string, unknown> = {}) =>
      otlp.points.findLast(
        (point) =>
          point.name === name &&
          Object.entries(attributes).every(([key, value]) => point.attributes[key] === value),
      );
    expect(otlp.spans).toEqual([]);
    expect(last('bloom.messages', { message_type: 'CreateRoom', outcome: 'ok' })?.value).toBe(2);
    expect(last('bloom.messages', { message_type: 'Offer', outcome: 'ok' })?.value).toBe(1);
    expect(last('bloom.messages', { message_type: 'Offer', outcome: 'ParticipantNotFound' })?.value).toBe(1);
    expect(last('bloom.refusals', { code: 'ParticipantNotFound' })?.value).toBe(1);
    expect(last('bloom.handshakes', { 'http.response.status_code': 101 })?.value).toBe(5);
    expect(last('bloom.relay.duration')).toMatchObject({ value: 1, unit: 's' });
    expect(last('bloom.rooms')?.value).toBe(2);
    for (const name of ['bloom.connections', 'bloom.queue.size', 'nodejs.eventloop.utilization']) {
      expect([name, last(name)?.value]).toEqual([name, expect.any(Number)]);
    }
  });
});

describe('spans recorded the plain way', () => {
  /** What one call leaves, its ids named by who they are of. */
  async function callSeenBy(env: Record<string, string>, receive = receiveHttp): Promise<unknown> {
    const otlp = await receiver(receive());
    const server = await child({
      OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url,
      OTEL_RESOURCE_ATTRIBUTES: 'a=1,service.name=not this one',
      OTEL_SERVICE_NAME: 'bloom-under-test',
      ...env,
    });
    const { room_id, ids } = await oneCall(server);
    await stopAfter(server, otlp);
    const names = new Map([[room_id, 'the room'], ...ids.map((id, i) => [id, `participant ${i}`] as const)]);
    for (const { name, spanId, attributes } of otlp.spans) {
      names.set(spanId, `${name} of ${names.get(String(attributes.participant_id))}`);
    }
    const spans = otlp.spans.map(({ traceId, spanId, startNanos, endNanos, ...span }) => {
      expect([traceId.length, spanId.length, endNanos >= startNanos]).toEqual([32, 16, true]);
      const resource = Object.entries({ ...span.resource, 'service.instance.id': 'a UUID' }).sort();
      return { ...span, links: span.links.map((link) => link.spanId), resource };
    });
    const text = spans.map((span) =>
      JSON.stringify(span).replace(/[0-9a-f-]{16,36}/g, (id) => names.get(id) ?? id),
    );
    return text.sort();
  }

  test.each([
    ['http/protobuf', receiveHttp],
    ['http/json', receiveHttp],
    ['grpc', receiveGrpc],
  ] as const)("arrive over %s as the SDK's own do", async (protocol, receive) => {
    const env = { OTEL_EXPORTER_OTLP_PROTOCOL: protocol };
    const plain = await callSeenBy(env, receive);
    expect(plain).toHaveLength(8);
    // The limit is the default one; that it is set makes the SDK record.
    expect(plain).toEqual(await callSeenBy({ ...env, OTEL_SPAN_EVENT_COUNT_LIMIT: '128' }, receive));
  });

  test('obey OTEL_BSP_*: a batch goes when it is full', async () => {
    const otlp = await receiver(receiveHttp());
    const server = await child({
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${otlp.url}/v1/traces`,
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1',
    });
    await oneCall(server);
    await stopAfter(server, otlp);
    expect([otlp.spans.length, otlp.requests()]).toEqual([SPANS, SPANS]);
  });

  test('by compression, headers and limits as the SDK', async () => {
    const otlp = await receiver(receiveHttp());
    const server = await child({
      OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url,
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: '3',
    });
    await oneCall(server);
    await stopAfter(server, otlp);
    expect(new Set(otlp.spans.map(({ attributes }) => attributes.message_type ?? ''))).toEqual(
      new Set(['', 'Cre', 'Joi', 'Off', 'dis']),
    );
    const settings = ['OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT'];
    const [line] = server.logs();
    expect(line).toMatchObject({ level: 'info', settings, msg: expect.stringContaining("SDK's pipeline") });
  });
});

test('logs arrive with the trace and span they belong to', async () => {
  const otlp = await receiver(receiveHttp());
  const server = await child({ OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url });
  const { clients, ids } = await seat(server.wsUrl, 1);
  for (let i = 0; i < 25; i += 1) clients[0]?.send('?');
  await clients[0]?.settled();
  expect(await server.stop()).toBe(0);
  const limited = otlp.logs.find(({ body }) => body === 'connection is rate limited');
  expect(limited).toMatchObject({ severity: 'WARN', attributes: { participant_id: ids[0] } });
  expect(otlp.spans.map(({ spanId }) => spanId)).toContain(limited?.spanId);
  const line = server.logs().find(({ msg }) => msg === 'connection is rate limited');
  expect(line).toMatchObject({ trace_id: limited?.traceId, span_id: limited?.spanId });
});

test("a client's traceparent is continued by its handshake", async () => {
  const otlp = await receiver(receiveHttp());
  const server = await child({ OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url });
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  await oneCall(server, { traceparent: `00-${traceId}-b7ad6b7169203331-01` });
  await stopAfter(server, otlp);
  const handshakes = otlp.spans.filter(({ name }) => name === 'handshake');
  expect(handshakes).toHaveLength(2);
  for (const span of handshakes) expect(span).toMatchObject({ traceId, parentSpanId: 'b7ad6b7169203331' });
});

test('OTEL_TRACES_SAMPLER is obeyed', async () => {
  const otlp = await receiver(receiveHttp());
  const server = await child({
    OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url,
    OTEL_TRACES_SAMPLER: 'traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0',
  });
  await oneCall(server);
  await server.stop();
  expect(otlp.spans).toEqual([]);
  expect(server.logs().map(({ msg }) => msg)).toEqual(['listening', 'stopping', 'stopped']);
});

test('a sampler that there is not is told of, and counts as unset', async () => {
  const otlp = await receiver(receiveHttp());
  const server = await child({ OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url, OTEL_TRACES_SAMPLER: 'sometimes' });
  await oneCall(server);
  await stopAfter(server, otlp);
  expect(otlp.spans).toHaveLength(SPANS);
  const warnings = server.logs().filter(({ level }) => level === 'warn');
  expect(warnings).toMatchObject([{ msg: expect.stringMatching(/OTEL_TRACES_SAMPLER is "sometimes"/) }]);
});

test.each([
  { OTEL_SDK_DISABLED: 'true' },
  { OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none' },
])('with %j nothing is exported', async (env) => {
  const otlp = await receiver(receiveHttp());
  const server = await child({ OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url, ...env } as Record<string, string>);
  await oneCall(server);
  expect(await server.stop()).toBe(0);
  expect(otlp.requests()).toBe(0);
});

describe('a collector in trouble', () => {
  /** A collector, and how it is known that the server has tried it. */
  async function behaving(behaviour: Behaviour | 'down') {
    // Of the discard service there is none.
    if (behaviour === 'down') return { url: 'http://127.0.0.1:9', requests: () => 0 };
    return receiver(receiveHttp(behaviour));
  }
  const complaintsOf = (server: ChildServer) =>
    server.logs().filter(({ msg }) => msg === 'telemetry export has trouble');

  test.each(['down', 500, 'never'] as const)(
    '%s: no message is lost, the log stays quiet, shutdown is in time',
    async (behaviour) => {
      const collector = await behaving(behaviour);
      const server = await child({
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_BSP_SCHEDULE_DELAY: '50',
        OTEL_BLRP_SCHEDULE_DELAY: '50',
        OTEL_METRIC_EXPORT_INTERVAL: '100',
        OTEL_METRIC_EXPORT_TIMEOUT: '90',
        // A collector that never answers would hold an export for a minute; the stop does not wait for it.
        OTEL_EXPORTER_OTLP_TIMEOUT: behaviour === 'never' ? '60000' : '80',
        OTEL_BSP_EXPORT_TIMEOUT: '60000',
        RATE_LIMIT_MESSAGES: '100000',
      });
      const { clients, ids } = await seat(server.wsUrl, 2);
      const [a, b] = clients as [(typeof clients)[0], (typeof clients)[0]];
      const [rounds, each] = [4, 1000];
      for (let round = 0; round < rounds; round += 1) {
        const before = collector.requests();
        for (let i = 0; i < each; i += 1) a.send({ type: 'Offer', to: ids[1], sdp: `${round}/${i}` });
        await a.settled();
        if (behaviour === 'never') await until('a request', () => collector.requests() > 0, SOON);
        else await until('the trouble is logged', () => complaintsOf(server).length > 0, SOON);
        if (behaviour === 500) await until('a request', () => collector.requests() > before, SOON);
      }
      await b.settled();
      expect(b.unread().filter(({ type }) => type === 'Offer')).toHaveLength(rounds * each);

      expect(await server.stop()).toBe(0);
      // One line a minute; on a busy machine this may last longer.
      const times = complaintsOf(server).map(({ time }) => Date.parse(String(time)));
      for (const [i, time] of times.slice(1).entries())
        expect(time - (times[i] ?? 0)).toBeGreaterThan(59_000);
    },
    2 * SOON,
  );

  test.each([
    [undefined, 1],
    ['none', 0],
  ])('spans it rejects of a request are told of; OTEL_LOG_LEVEL=%s', async (level, lines) => {
    const collector = await behaving('partial');
    const server = await child({
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/v1/traces`,
      ...(level && { OTEL_LOG_LEVEL: level }),
    });
    await oneCall(server);
    await until('a request', () => collector.requests() > 0, SOON);
    await until('it is told of', () => complaintsOf(server).length >= lines, SOON);
    expect(await server.stop()).toBe(0);
    const detail = expect.stringMatching(/Partial Success.*too old/);
    expect(complaintsOf(server)).toEqual(
      new Array(lines).fill(expect.objectContaining({ level: 'warn', detail })),
    );
  });

  test('what it says is logged as it is', async () => {
    const server = await child({
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${(await behaving(500)).url}/v1/traces`,
      OTEL_EXPORTER_OTLP_TIMEOUT: '80',
    });
    await oneCall(server);
    await until('it is told of', () => complaintsOf(server).length > 0, SOON);
    expect(await server.stop()).toBe(0);
    const [complaint] = complaintsOf(server);
    expect(complaint?.detail).toBe('OTLPExporterError: Internal Server Error');
  });
});

test('a collector that never answers keeps a server that nobody is connected to no longer than its stop takes', async () => {
  const otlp = await receiver(receiveHttp('never'));
  const server = await child({
    OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url,
    OTEL_EXPORTER_OTLP_TIMEOUT: '600000',
    OTEL_BSP_EXPORT_TIMEOUT: '600000',
    DRAIN_TIMEOUT_MS: '600000', // nobody is there to wait for
  });
  await oneCall(server);
  expect(await server.stop()).toBe(0);
  expect(server.logs().map(({ msg }) => msg)).toContain('stopped');
});

test('OTEL_CONFIG_FILE decides on everything, METRICS included', async () => {
  const otlp = await receiver(receiveHttp());
  const server = await child({
    METRICS: 'prometheus',
    OTEL_CONFIG_FILE: fileURLToPath(new URL('../../support/otlp/sdk.yaml', import.meta.url)),
    RECEIVER: otlp.url,
  });
  await oneCall(server);
  expect((await fetch(new URL('/metrics', server.url))).status).toBe(404);
  expect(await server.stop()).toBe(0);
  expect(otlp.spans.map(({ name }) => name)).toContain('relay Offer');
  expect([otlp.points, otlp.logs]).toEqual([[], []]);
});

test('without an endpoint nothing is exported and nothing is tried', async () => {
  const server = await child({});
  await oneCall(server);
  expect(await server.stop()).toBe(0);
  expect(server.logs().map(({ msg }) => msg)).toEqual(['listening', 'stopping', 'stopped']);
});

describe('METRICS=prometheus', () => {
  test('serves the metrics as text at /metrics, and exports them by OTLP besides if so configured', async () => {
    const otlp = await receiver(receiveHttp());
    const server = await child({
      METRICS: 'prometheus',
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${otlp.url}/v1/metrics`,
    });
    const { clients } = await seat(server.wsUrl, 3);
    const response = await fetch(new URL('/metrics', server.url));
    expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
    const text = await response.text();
    expect(text).toMatch(/^bloom_connections\{.*\} 3$/m);
    expect(text).toMatch(/^bloom_rooms\{.*\} 1$/m);
    expect(text).toMatch(/^bloom_participants\{.*room_size="3".*\} 3$/m);
    expect(text).toMatch(/^bloom_messages_total\{.*message_type="JoinRoom",outcome="ok".*\} 2$/m);
    expect(text).toMatch(/^nodejs_eventloop_utilization/m);
    for (const client of clients) client.close();
    await server.stop();
    expect(otlp.points.map(({ name }) => name)).toContain('bloom.messages');
  });

  test.each(['http/protobuf', 'http/json', 'grpc'] as const)(
    'beside OTLP over %s, an interval shorter than the default timeout, or none that makes sense, is no trouble',
    async (protocol) => {
      const grpc = protocol === 'grpc';
      const otlp = await receiver(grpc ? receiveGrpc() : receiveHttp());
      for (const interval of ['200', 'often', '0']) {
        const server = await child({
          METRICS: 'prometheus',
          OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: grpc ? otlp.url : `${otlp.url}/v1/metrics`,
          OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: protocol,
          OTEL_METRIC_EXPORT_INTERVAL: interval,
        });
        const before = otlp.requests();
        if (interval === '200') await until('an export', () => otlp.requests() > before);
        expect((await fetch(new URL('/metrics', server.url))).status).toBe(200);
        expect(await server.stop()).toBe(0);
        expect(otlp.points.map(({ name }) => name)).toContain('bloom.connections');
        // Every minute, and once when it stops: not every millisecond.
        if (interval !== '200') expect(otlp.requests() - before).toBe(1);
      }
    },
  );

  test.each([{}, { METRICS: 'prometheus', OTEL_SDK_DISABLED: 'true' }])(
    'with %j there is no /metrics',
    async (env) => {
      const server = await child(env as Record<string, string>);
      expect((await fetch(new URL('/metrics', server.url))).status).toBe(404);
      expect(await server.stop()).toBe(0);
    },
  );
});

/** A copy of OpenTelemetry's exporter base in which the option that makes agents has another name. */
async function otherExporterBase(): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'bloom-otel-'));
  open.push({ close: () => rm(folder, { recursive: true }) });
  const scope = join(folder, 'node_modules/@opentelemetry');
  await mkdir(scope, { recursive: true });
  const packages = join(ROOT, 'node_modules/@opentelemetry');
  for (const name of await readdir(packages)) {
    if (name !== 'otlp-exporter-base') await symlink(join(packages, name), join(scope, name));
  }
  const copy = join(scope, 'otlp-exporter-base');
  await cp(join(packages, 'otlp-exporter-base'), copy, { recursive: true });
  let edited = 0;
  for (const file of await readdir(copy, { recursive: true })) {
    if (!/\.[cm]js$/.test(file)) continue;
    const code = await readFile(join(copy, file), 'utf8');
    if (!code.includes('agentFactory')) continue;
    await writeFile(join(copy, file), code.replaceAll('agentFactory', 'makeAgent'));
    edited += 1;
  }
  expect(edited).toBeGreaterThan(0);
  const hooks = join(ROOT, 'test/support/fast-paths/doctored.ts');
  return { DOCTORED: folder, NODE_OPTIONS: `--import ${hooks}` };
}

describe("spans take the SDK's pipeline", () => {
  test.each([
    ['with BLOOM_FAST_PATHS=off', async () => ({ BLOOM_FAST_PATHS: 'off' })],
    ['with an exporter base of another shape, which the log tells of', otherExporterBase],
  ])('%s', async (name, settings) => {
    const otlp = await receiver(receiveHttp());
    const server = await child({ OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url, ...(await settings()) });
    await oneCall(server);
    const logs = server.logs();
    expect(await server.stop()).toBe(0);
    expect(otlp.spans.filter((span) => span.name === 'relay Offer')).toHaveLength(2);
    expect(logs.map(({ msg }) => msg)).toContainEqual(
      expect.stringMatching(/^spans take the SDK's pipeline/),
    );
    const warnings = logs.filter(
      ({ level, msg }) => level === 'warn' && String(msg).includes('exporter-base'),
    );
    expect(warnings).toHaveLength(name.includes('another shape') ? 1 : 0);
  });
});
