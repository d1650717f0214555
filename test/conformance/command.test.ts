import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { WebSocketServer } from 'ws';
import { conformance } from '../../src/conformance/command.ts';
import { SUITE } from '../../src/conformance/suite.ts';
import { type ChildServer, startChild } from '../support/child.ts';

/** `bloom conformance` as users run it, against a server in its own process. */

const BIN = fileURLToPath(new URL('../../bin/bloom.js', import.meta.url));
const SLOW_MS = 120_000;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function bloom(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [BIN, ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** The same in this process. */
async function command(...args: string[]): Promise<Ended> {
  let [stdout, stderr] = ['', ''];
  const code = await conformance(args, {
    out: (text) => {
      stdout += text;
    },
    error: (text) => {
      stderr += text;
    },
  });
  return { code, stdout, stderr };
}

let server: ChildServer;
let url: string;
beforeAll(async () => {
  server = await startChild({ ROOM_IDLE_TIMEOUT_MS: '2000', RESUME_GRACE_MS: '3000' });
  url = server.wsUrl.href;
});
afterAll(() => server.stop('SIGINT'));

const closing: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});
async function listening(one: Server): Promise<string> {
  one.listen(0, '127.0.0.1');
  await once(one, 'listening');
  closing.push(() => one.close());
  const address = one.address();
  return `ws://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/ws`;
}

describe('against our server', () => {
  test(
    'every check passes, and none is skipped with --slow',
    async () => {
      const { code, stdout, stderr } = await bloom('conformance', url, '--slow', '--room-idle', '2000');
      expect(stderr).toBe('');
      expect(stdout.match(/^ {2}FAIL[\s\S]*/m)?.[0]).toBeUndefined();
      expect(stdout).toMatch(
        new RegExp(`\n${SUITE.length} passed, 0 failed, 0 not offered, 0 skipped, in [\\d.]+ s\n$`),
      );
      expect(code).toBe(0);
      expect(stdout).toContain(`Conformance of ${url} to docs/protocol.md`);
      expect(stdout).toContain(
        '8 participants a room, 20 messages in 1000 ms, 65536 bytes a frame; sessions offered',
      );
    },
    SLOW_MS,
  );

  test('a failed check shows its steps up to the one that failed, and the exit code is 1', async () => {
    const { code, stdout } = await bloom('conformance', url, '--capacity', '2', '--only', 'too many');
    expect(stdout).toMatch(
      / {2}FAIL {2}whoever is too many[\s\S]* {10}Late → [\s\S]* {8}> Late ← .*RoomFull.*\n {8}heard \{"type":"PeerConnected".* instead\n/,
    );
    expect(stdout).toMatch(/\n0 passed, 1 failed, 0 not offered, 0 skipped/);
    expect(code).toBe(1);
  });

  test('without --slow, checks that wait for an expiry are skipped with the reason', async () => {
    const { code, stdout } = await command(url, '--only', 'expiry');
    expect(stdout).toMatch(
      / {2}skip {2}a room with a member is not, however quiet \(it runs with --slow\)\n/,
    );
    expect(stdout).toMatch(/\n0 passed, 0 failed, 0 not offered, 2 skipped/);
    expect(code).toBe(0);
  });

  test('checks that do not fit the limits of the server are skipped with the reason', async () => {
    const { stdout } = await command(url, '--capacity', '1000', '--messages', '100000', '--only', 'limits:');
    expect(stdout).toContain('(1000 participants are more than the suite seats (50))');
    expect(stdout).toContain('(100000 messages are more than the suite sends at once (1000))');
    expect(stdout).toMatch(/ 0 failed/);
    expect((await command(url, '--capacity', '1', '--only', 'order:')).stdout).toContain(
      '(it needs a room for 2 participants)',
    );
  });
});

describe('exits 2, with a sentence, when', () => {
  test.each([
    [[], /^The address is missing: .*ws:\/\/HOST\/ws\.\nSee bloom conformance --help\.\n$/],
    [['http://127.0.0.1/ws'], /^http:\/\/127\.0\.0\.1\/ws is not a WebSocket address/],
    [['nonsense'], /^nonsense is not a WebSocket address/],
    [['ws://a/ws', 'ws://b/ws'], /^Give one address only: ws:\/\/b\/ws is not expected/],
    [['ws://a/ws', '--capacity', '0'], /^--capacity is 0; allowed: an integer from 1 to 2147483647\.\n/],
    [['ws://a/ws', '--settle', '2147483648'], /^--settle is 2147483648; allowed: an integer from 0 to/],
    [['ws://a/ws', '--window', '1e3'], /^--window is 1e3; allowed/],
    [['ws://a/ws', '--nonsense'], /^Unknown option '--nonsense'/],
    [
      ['ws://127.0.0.1:1/ws'],
      /^ws:\/\/127\.0\.0\.1:1\/ws: could not connect: .*ECONNREFUSED.*\. Is the server running/,
    ],
  ])('%j', async (args, sentence) => {
    expect(await command(...args)).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(sentence) });
  });

  test('the address answers, but not as a WebSocket', async () => {
    const { code, stderr } = await command(url.replace('/ws', '/healthz'));
    expect(stderr).toMatch(/could not connect: Unexpected server response: 404\. Is/);
    expect(code).toBe(2);
  });

  test('nothing answers', async () => {
    const silent = await listening(createServer((socket) => void closing.push(() => socket.destroy())));
    const { code, stderr } = await command(silent, '--patience', '200');
    expect(stderr).toMatch(/could not connect: Opening handshake has timed out/);
    expect(code).toBe(2);
  });

  test('--only matches no check', async () => {
    const { code, stderr } = await command(url, '--only', 'no such check');
    expect([code, stderr]).toEqual([2, 'No check has "no such check" in its name or section.\n']);
  });

  test('the process prints it on stderr', async () => {
    const { code, stdout, stderr } = await bloom('conformance', 'nonsense');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^nonsense is not a WebSocket address.*\nSee bloom conformance --help\.\n$/);
  });
});

test('a server that accepts and says nothing fails every check, and no check hangs', async () => {
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1', autoPong: false });
  await once(sockets, 'listening');
  closing.push(() => {
    for (const client of sockets.clients) client.terminate();
    sockets.close();
  });
  const address = sockets.address() as { port: number };
  const mute = `ws://127.0.0.1:${address.port}/ws`;
  const { code, stdout } = await command(mute, '--patience', '50', '--only', 'rooms:');
  expect(stdout).toMatch(/heard nothing within 50 ms/);
  expect(stdout).toMatch(/\n0 passed, [1-9]\d* failed, 0 not offered, 0 skipped/);
  expect(code).toBe(1);
});

describe('--help', () => {
  test('of bloom conformance explains every option', async () => {
    const { code, stdout, stderr } = await bloom('conformance', '--help');
    expect([code, stderr]).toEqual([0, '']);
    for (const option of [
      ...['--only', '--slow', '--patience', '--settle', '--capacity', '--messages', '--window'],
      ...['--max-payload', '--room-idle', '--resume-grace'],
    ]) {
      expect(stdout).toContain(`\n  ${option} `);
    }
  });

  test('has the short form -h', async () => {
    expect(await command('-h')).toEqual(await command('--help'));
  });

  test('of bloom names the command', async () => {
    expect((await bloom('--help')).stdout).toMatch(/^ {2}conformance {4}test a signalling server/m);
  });
});
