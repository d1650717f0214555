import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { ExportThread } from '../../../src/telemetry/otel/export-thread.ts';
import { until, within } from '../../support/wait.ts';

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
      case ${REFUSE}: return parentPort.postMessage({ type: 'settled', id, error: 'OTLPExporterError: Not Found' });
      case ${DIE}: throw new Error('out of luck');
      case ${EXIT}: return process.exit(0);
    }
    parentPort.postMessage({ type: 'diagnostic', level: 'warn', text: 'read ' + Buffer.from(bytes) });
    for (const each of [id, ...kept.splice(0)]) parentPort.postMessage({ type: 'settled', id: each });
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

test.each([
  ['file:///nowhere/worker.js', "Cannot find module '/nowhere/worker.js'"],
  ['http://127.0.0.1/worker.js', 'The URL must be of scheme file'], // which Node refuses at once
])('a thread that cannot start rejects each request, with why: %s', async (url, why) => {
  const missing = new ExportThread(new URL(url));
  await expect(missing.send(request(TAKE))).rejects.toThrow(why);
  await expect(missing.send(request(TAKE))).rejects.toThrow(why);
});

test('a thread that fails while nothing is under way says so', async () => {
  const later = new ExportThread(script("setTimeout(() => { throw new Error('idle') }, 10)"));
  await until('the thread says so', () => said.length > 0);
  expect(said).toEqual(['error: The thread that sends spans has failed: Error: idle']);
  await later.stop();
});

test('it keeps the process as long as a request is under way, and no longer', async () => {
  const slow = `
    import { parentPort } from 'node:worker_threads';
    parentPort.on('message', ({ id }) => setTimeout(() => parentPort.postMessage({ type: 'settled', id }), 100));
  `;
  const module = JSON.stringify(new URL('../../../src/telemetry/otel/export-thread.ts', import.meta.url));
  const program = `
    import { ExportThread } from ${module};
    const script = new URL(${JSON.stringify(script(slow))});
    const idle = new ExportThread(script);
    const thread = new ExportThread(script);
    await thread.send({ count: 1, bytes: Buffer.allocUnsafeSlow(1) });
    process.stdout.write('sent');
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program]);
  child.unref();
  const exit = once(child, 'exit');
  try {
    const [output, [code]] = await within(20_000, 'its end', Promise.all([text(child.stdout), exit]));
    expect({ output, code }).toEqual({ output: 'sent', code: 0 });
  } finally {
    child.kill('SIGKILL');
  }
});

describe("through OpenTelemetry's transport", () => {
  const WORKER = new URL('../../../src/telemetry/otel/export-worker.ts', import.meta.url);
  /** More than a socket takes in one go. */
  const BIG = 8_000_000;
  const open: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });

  /** A thread that sends to this server. */
  async function sendingTo(server: Server, timeoutMs = 10_000): Promise<ExportThread> {
    server.listen(0, '127.0.0.1');
    open.push(() => server.close());
    await once(server, 'listening');
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    // A thread has the environment of the process, and not what jest gives a test for it.
    const settings = `
      process.env.OTEL_EXPORTER_OTLP_ENDPOINT = '${endpoint}';
      process.env.OTEL_EXPORTER_OTLP_TIMEOUT = '${timeoutMs}';`;
    const real = new ExportThread(script(`${settings} await import('${WORKER}')`));
    open.push(() => real.stop());
    return real;
  }

  describe('to a collector that answers when told', () => {
    let received: string[];
    let unanswered: ServerResponse[];
    let real: ExportThread;
    beforeEach(async () => {
      received = [];
      unanswered = [];
      const collector = createHttpServer(async (request, response) => {
        received.push(await text(request));
        unanswered.push(response);
      });
      open.push(() => collector.closeAllConnections());
      real = await sendingTo(collector);
    });

    async function answer(status: number): Promise<void> {
      await until('a request has come', () => unanswered.length > 0);
      unanswered.shift()?.writeHead(status).end();
    }

    test('every request arrives as it was, beside others too', async () => {
      const first = real.send(request(1, 'x'.repeat(BIG)));
      await answer(200);
      await first;
      const beside = ['y', 'z'].map((letter) => real.send(request(1, letter.repeat(BIG))));
      await answer(200);
      await answer(200);
      await Promise.all(beside);
      expect(received.map(lettersOf).sort()).toEqual([`${BIG} x`, `${BIG} y`, `${BIG} z`]);
    });

    test('one that is tried again arrives as it was, whatever was sent meanwhile', async () => {
      const unlucky = real.send(request(1, 'xxx'));
      await answer(503);
      await pause(200); // it has heard that, and tries again in about a second
      const next = real.send(request(1, 'y'));
      await answer(200);
      await next;
      await answer(200);
      await unlucky;
      expect(received).toEqual(['xxx', 'y', 'xxx']);
    });

    test('one that it does not take is rejected with what it said', async () => {
      const refused = expect(real.send(request(1))).rejects.toThrow('OTLPExporterError: Not Found');
      await answer(404);
      await refused;
    });
  });

  test.each([
    ['the head', 'HTTP/1.1 200 OK\r\nX-Endless: '],
    ['the body', 'HTTP/1.1 400 Bad Request\r\nContent-Length: 1000000\r\n\r\n'],
  ])('a collector that takes for ever over %s of its answer holds up no other request', async (_, start) => {
    let connections = 0;
    const collector = createServer((socket) => {
      connections += 1;
      socket.on('error', () => {});
      socket.once('data', () => socket.write(start));
      const drip = setInterval(() => socket.write('x'), 20);
      socket.on('close', () => clearInterval(drip));
      open.push(() => socket.destroy());
    });
    const real = await sendingTo(collector, 200);
    await expect(within(20_000, 'the first', real.send(request(1, 'x')))).rejects.toThrow();
    await expect(within(20_000, 'the second', real.send(request(1, 'y')))).rejects.toThrow();
    expect(connections).toBe(2);
  });

  test('a request arrives as it was at a collector that has answered before it reads', async () => {
    const bodies: Promise<string>[] = [];
    const collector = createServer((socket) => {
      open.push(() => socket.destroy());
      bodies.push(answerAtOnce(socket));
    });
    const real = await sendingTo(collector);
    await real.send(request(1, 'x'.repeat(BIG)));
    await real.send(request(1, 'y'.repeat(BIG)));
    expect((await Promise.all(bodies)).map(lettersOf)).toEqual([`${BIG} x`, `${BIG} y`]);
  });

  /** What arrives on a connection: it is read when what else there is to send has been sent, too. */
  async function answerAtOnce(socket: Socket): Promise<string> {
    const [head] = await once(socket, 'data');
    socket.pause();
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    await pause(500);
    let body: string = head.toString('latin1');
    socket.on('data', (data) => {
      body += data.toString('latin1');
    });
    socket.resume();
    await until('the whole request has come', () => body.endsWith('0\r\n\r\n'));
    return body.slice(body.indexOf('\r\n\r\n'));
  }

  /** How many of which letters, but for the digits of chunks' lengths. */
  function lettersOf(body: string): string {
    const letters = body.replace(/[^x-z]/g, '');
    return `${letters.length} ${[...new Set(letters)].join()}`;
  }
});
