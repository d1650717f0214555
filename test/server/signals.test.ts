import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { describe, expect, jest, test } from '@jest/globals';
import { startChild } from '../support/child.ts';
import { TestClient } from '../support/client.ts';
import { bare, Session } from '../support/session.ts';
import { type Spawned, Workshop } from '../support/spawned.ts';
import { until, within } from '../support/wait.ts';

/** Signals to a server in a process of its own, to npm that started it, and to their process group. */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SOON = 100_000;
jest.setTimeout(300_000);

const workshop = new Workshop();

describe('by npm', () => {
  /** A package with the scripts of ours, but for the page, and one whose shell stays. */
  function makePackage(): void {
    const { scripts, type } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const { start } = scripts;
    const stays = `${start.replace('exec ', '')}; true`;
    writeFileSync(
      join(workshop.directory, 'package.json'),
      JSON.stringify({ type, scripts: { start, stays } }),
    );
    for (const name of ['src', 'machines', 'node_modules'])
      symlinkSync(join(ROOT, name), join(workshop.directory, name));
  }

  interface Npm extends Spawned {
    readonly wsUrl: string;
    readonly serverPid: number;
  }

  async function npm(script: string): Promise<Npm> {
    makePackage();
    const { directory } = workshop;
    const spawned = workshop.spawn(['npm', 'run', '--silent', script], {
      cwd: directory,
      env: { HOME: directory, DRAIN_TIMEOUT_MS: '300' },
      isGroup: true,
    });
    await until('it listens', () => spawned.stdout().includes('\n'), SOON);
    const [wsUrl = ''] = /ws:\S+/.exec(spawned.stdout()) ?? [];
    return { ...spawned, wsUrl, serverPid: pidListeningOn(Number(new URL(wsUrl).port)) };
  }

  function pidListeningOn(port: number): number {
    const line = execFileSync('ss', ['-Hltnp', `sport = :${port}`], { encoding: 'utf8' });
    return Number(/pid=(\d+)/.exec(line)?.[1]);
  }

  function isAlive(pid: number): boolean {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  }

  test.each([
    ['npm', 'SIGTERM', 1012],
    ['npm', 'SIGINT', 1001],
    ['the group', 'SIGTERM', 1012],
    ['the group', 'SIGINT', 1001],
    ['the server', 'SIGTERM', 1012],
    ['the server', 'SIGINT', 1001],
  ] as const)(
    'to %s, %s: it stops once, clients are closed %i, nothing is left behind',
    async (to, signal, code) => {
      const started = await npm('start');
      const clients = [await TestClient.connect(started.wsUrl), await TestClient.connect(started.wsUrl)];
      const npmPid = started.process.pid as number;
      process.kill({ npm: npmPid, 'the group': -npmPid, 'the server': started.serverPid }[to], signal);
      for (const client of clients) expect(await client.closed).toBe(code);
      await within(SOON, 'the exit of npm', started.exit);
      expect(isAlive(started.serverPid)).toBe(false);
      expect(started.logs().map(({ msg }) => msg)).toEqual(
        expect.arrayContaining(['listening', 'stopping', 'stopped']),
      );
      expect(started.logs().filter(({ msg }) => String(msg).startsWith('stopping'))).toHaveLength(1);
    },
  );

  test.each([
    ['whose shell stays and is killed with it', 'stays', 'SIGTERM'],
    ['that is killed outright', 'start', 'SIGKILL'],
  ] as const)('a script %s: the server notices, and drains', async (_, script, signal) => {
    const { process: npmProcess, wsUrl, serverPid } = await npm(script);
    const client = await TestClient.connect(wsUrl);
    npmProcess.kill(signal);
    expect(await client.closed).toBe(1012);
    await until('the server is gone', () => !isAlive(serverPid), SOON);
  });
});

describe('SIGHUP', () => {
  function makeCertificate(name: string): void {
    const files = [
      '-keyout',
      join(workshop.directory, `${name}.key`),
      '-out',
      join(workshop.directory, `${name}.pem`),
    ];
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync('openssl', ['req', '-x509', ...key, ...files, ...subject, '-days', '2'], { stdio: 'pipe' });
  }

  /** The common name of the certificate that a new connection gets. */
  async function served(url: URL): Promise<string> {
    const socket = connectTls({ host: '127.0.0.1', port: Number(url.port), rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const certificate = new X509Certificate(socket.getPeerCertificate(true).raw);
    socket.destroy();
    return certificate.subject.replace('CN=', '');
  }

  test('new connections get the new certificate, those open go on, and a wrong pair is not taken', async () => {
    for (const name of ['first', 'second']) makeCertificate(name);
    const [cert, key] = [join(workshop.directory, 'cert.pem'), join(workshop.directory, 'cert.key')];
    const use = (certOf: string, keyOf: string) => {
      for (const [from, to] of [
        [`${certOf}.pem`, cert],
        [`${keyOf}.key`, key],
      ] as const) {
        cpSync(join(workshop.directory, from), `${to}.new`);
        renameSync(`${to}.new`, to);
      }
    };
    use('first', 'first');
    const server = await startChild({ TLS_CERT_FILE: cert, TLS_KEY_FILE: key });
    workshop.undo.push(() => server.stop('SIGKILL'));
    const lines = (msg: string) => server.logs().filter((line) => String(line.msg).startsWith(msg));
    const client = await TestClient.connect(server.wsUrl, { ca: readFileSync(cert) });
    const { room_id } = await client.createRoom();
    expect(await served(server.url)).toBe('first');

    use('second', 'first');
    server.process.kill('SIGHUP');
    await until('it says so', () => lines('TLS certificate not reloaded').length === 1, SOON);
    expect(lines('TLS certificate not reloaded')).toMatchObject([
      { level: 'error', err: { message: expect.stringMatching(/TLS_KEY_FILE .*key values mismatch/) } },
    ]);
    expect(await served(server.url)).toBe('first');

    use('second', 'second');
    const since = performance.now();
    await until('the signal is another', () => performance.now() - since > 250);
    server.process.kill('SIGHUP');
    await until('it says so', () => lines('TLS certificate reloaded').length === 1, SOON);
    expect(lines('TLS certificate reloaded')).toMatchObject([{ valid_to: expect.any(String) }]);
    expect(await served(server.url)).toBe('second');

    const newcomer = await TestClient.connect(server.wsUrl, { ca: readFileSync(cert) });
    await newcomer.joinRoom(room_id);
    expect(await client.nextOf('PeerConnected')).toBeDefined();
    expect(await server.stop('SIGINT')).toBe(0);
  });

  test('without TLS it changes nothing, and says so', async () => {
    const server = await startChild();
    workshop.undo.push(() => server.stop('SIGKILL'));
    const client = await TestClient.connect(server.wsUrl);
    server.process.kill('SIGHUP');
    const says = () => server.logs().some(({ msg }) => msg === 'there is no TLS certificate to reload');
    await until('it says so', says, SOON);
    await client.createRoom();
    expect(await server.stop('SIGINT')).toBe(0);
  });

  test('with a terminal on standard input it stops, as SIGINT does', async () => {
    const log = join(workshop.directory, 'log');
    const command = `exec ${process.execPath} src/main.ts 2>${log}`;
    const terminal = workshop.spawn(['script', '--quiet', '--command', command, '/dev/null'], {
      env: { SHELL: '/bin/sh' },
      stdin: 'pipe',
    });
    await until('it listens', () => /health/.test(terminal.stdout()), SOON);
    const client = await TestClient.connect(/ws:\S+/.exec(terminal.stdout())?.[0] as string);
    const { pid } = terminal.process;
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    process.kill(Number(child), 'SIGHUP');
    expect(await client.closed).toBe(1001);
    await within(SOON, 'the exit', terminal.exit);
    expect(readFileSync(log, 'utf8')).toMatch(/"signal":"SIGHUP".*"stopping"/);
  });
});

test('SIGUSR1 opens no debugger, whatever Node is told', async () => {
  const server = await startChild();
  workshop.undo.push(() => server.stop('SIGKILL'));
  server.process.kill('SIGUSR1');
  await until('it says so', () => server.logs().some(({ msg }) => String(msg).includes('SIGUSR1')), SOON);
  await (await TestClient.connect(server.wsUrl)).createRoom();
  const listening = execFileSync('ss', ['-Hltnp'], { encoding: 'utf8' });
  const ours = listening.split('\n').filter((line) => line.includes(`pid=${server.process.pid},`));
  expect(ours).toHaveLength(1);
});

test('the same signal twice at once counts once', async () => {
  const server = await startChild({ DRAIN_TIMEOUT_MS: '300' });
  workshop.undo.push(() => server.stop('SIGKILL'));
  const session = await Session.open(server.wsUrl);
  server.process.kill('SIGTERM');
  expect(await server.stop('SIGTERM')).toBe(0);
  expect(bare(session.client.heard).map(({ type }) => type)).toContain('ServerDraining');
});
