import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { ExportThread } from '../../src/telemetry/export-thread.ts';
import { until } from '../support/wait.ts';

/** What the thread does with a request, by its count of spans. */
const TAKE = 1;
const KEEP_FOR_LATER = 2;
const REFUSE = 3;
const DIE = 4;
const EXIT = 5;

const SCRIPT = script(`
  import { parentPort } from 'node:worker_threads';
  const kept = [];
  parentPort.on('message', ({ id, count, bytes }) => {
    switch (count) {
      case ${KEEP_FOR_LATER}: return kept.push(id);
      case ${REFUSE}: return parentPort.postMessage({ id, error: 'OTLPExporterError: Not Found' });
      case ${DIE}: throw new Error('out of luck');
      case ${EXIT}: return process.exit(0);
    }
    parentPort.postMessage({ level: 'warn', text: 'read ' + Buffer.from(bytes) });
    for (const each of [id, ...kept.splice(0)]) parentPort.postMessage({ id: each });
  });
`);

function script(code: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

function request(count: number, content = 'span') {
  const bytes = Buffer.allocUnsafeSlow(content.length);
  bytes.write(content);
  return { count, bytes };
}

let thread: ExportThread;
let said: string[];
beforeEach(() => {
  said = [];
  const as = (level: string) => (text: string) => void said.push(`${level}: ${text}`);
  diag.setLogger(
    { error: as('error'), warn: as('warn'), info: as('info'), debug: as('debug'), verbose: as('verbose') },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  thread = new ExportThread(SCRIPT);
});
afterEach(async () => {
  diag.disable();
  await thread.stop();
});

test('a request settles when the thread has sent it, whichever was first', async () => {
  const order: string[] = [];
  const first = thread.send(request(KEEP_FOR_LATER)).then(() => order.push('first'));
  const second = thread.send(request(TAKE)).then(() => order.push('second'));
  await Promise.all([first, second]);
  expect(order).toEqual(['second', 'first']);
});

test('the thread is given the memory of the bytes, and says what OpenTelemetry says there', async () => {
  const given = request(TAKE);
  await thread.send(given);
  expect(given.bytes).toHaveLength(0);
  expect(said).toEqual(['warn: read span']);
});

test('rejects with the reason for which a request was not taken, and goes on', async () => {
  await expect(thread.send(request(REFUSE))).rejects.toThrow('OTLPExporterError: Not Found');
  await thread.send(request(TAKE));
});

describe.each([
  ['dies', DIE, 'The thread that sends spans has failed: Error: out of luck'],
  ['ends', EXIT, 'The thread that sends spans has ended'],
])('a thread that %s', (_, how, failure) => {
  test('rejects what was under way, says why, and is replaced', async () => {
    const waiting = thread.send(request(KEEP_FOR_LATER));
    const fatal = thread.send(request(how));
    await Promise.all([waiting, fatal].map((each) => expect(each).rejects.toThrow(failure)));
    await thread.send(request(TAKE));
  });
});

test('a thread that cannot start rejects each request, with why', async () => {
  const missing = new ExportThread(new URL('file:///nowhere/worker.js'));
  await expect(missing.send(request(TAKE))).rejects.toThrow("Cannot find module '/nowhere/worker.js'");
  await expect(missing.send(request(TAKE))).rejects.toThrow("Cannot find module '/nowhere/worker.js'");
});

test('a thread that fails while nothing is under way says so', async () => {
  const later = new ExportThread(script("setTimeout(() => { throw new Error('idle') }, 10)"));
  await until('the thread says so', () => said.length > 0);
  expect(said).toEqual(['error: The thread that sends spans has failed: Error: idle']);
  await later.stop();
});

describe("through OpenTelemetry's transport", () => {
  const worker = new URL('../../src/telemetry/export-worker.ts', import.meta.url);
  const received: string[] = [];
  const unanswered: ServerResponse[] = [];
  const collector = createServer(async (request, response) => {
    received.push(await text(request));
    unanswered.push(response);
  });
  let real: ExportThread;
  beforeEach(async () => {
    collector.listen(0, '127.0.0.1');
    await once(collector, 'listening');
    const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
    // A thread has the environment of the process, and not what jest gives a test for it.
    const settings = `process.env.OTEL_EXPORTER_OTLP_ENDPOINT = '${endpoint}';`;
    real = new ExportThread(script(`${settings} await import('${worker}')`));
  });
  afterEach(async () => {
    await real.stop();
    collector.closeAllConnections();
    collector.close();
  });

  async function answer(status: number): Promise<void> {
    await until('a request has come', () => unanswered.length > 0);
    unanswered.shift()?.writeHead(status).end();
  }

  test('every request arrives as it was, beside others too', async () => {
    const size = 8_000_000; // more than a socket takes in one go
    const first = real.send(request(1, 'a'.repeat(size)));
    await answer(200);
    await first;
    const beside = ['b', 'c'].map((letter) => real.send(request(1, letter.repeat(size))));
    await answer(200);
    await answer(200);
    await Promise.all(beside);
    const contents = received
      .splice(0)
      .map((body) => ({ size: body.length, letters: [...new Set(body)].join() }));
    expect(contents.sort((a, b) => a.letters.localeCompare(b.letters))).toEqual([
      { size, letters: 'a' },
      { size, letters: 'b' },
      { size, letters: 'c' },
    ]);
  });

  test('one that the collector does not take is rejected with what it said', async () => {
    const refused = expect(real.send(request(1))).rejects.toThrow('OTLPExporterError: Not Found');
    await answer(404);
    await refused;
  });
});
