import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TestClient } from './support/client.ts';

/** The package as its users get it: packed, installed with npm in an empty project, and run there. */

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);
/** This Node first: a script's `#!/usr/bin/env node` may find another. */
const env = { ...process.env, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };
const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));

let project: string;
let tarball: string;
let bloom: string;

beforeAll(async () => {
  project = await realpath(await mkdtemp(join(tmpdir(), 'bloom-package-')));
  await npm(root, 'pack', '--pack-destination', project);
  const [file] = (await readdir(project)).filter((name) => name.endsWith('.tgz'));
  tarball = join(project, file as string);
  await writeFile(join(project, 'package.json'), '{ "private": true, "type": "module" }');
  await npm(project, 'install', '--prefer-offline', '--no-audit', '--no-fund', tarball);
  bloom = join(project, 'node_modules/.bin/bloom');
}, 240_000);
afterAll(() => rm(project, { recursive: true, force: true }));

/** Runs npm, the one that runs this test if any; what it printed is in the error. */
async function npm(cwd: string, ...args: string[]): Promise<void> {
  const { npm_execpath } = process.env;
  const [file, first] = npm_execpath === undefined ? ['npm', []] : [process.execPath, [npm_execpath]];
  await run(file, [...first, ...args], { cwd, env }).catch(({ stdout, stderr, message }) => {
    throw new Error(`npm ${args[0]} failed: ${stdout}${stderr || message}`);
  });
}

describe('the tarball', () => {
  async function list(): Promise<string[]> {
    const { stdout } = await run('tar', ['-tzf', tarball]);
    return stdout
      .trim()
      .split('\n')
      .map((path) => path.replace(/^package\//, ''));
  }

  test('holds what runs and its sources, and nothing else', async () => {
    const files = await list();
    const top = new Set(files.map((path) => path.split('/')[0]));
    const known = ['CHANGELOG.md', 'LICENSE', 'README.md', 'bin', 'dist', 'docs', 'machines', 'src', 'web'];
    expect([...top].filter((name) => !['package.json', ...known].includes(name as string))).toEqual([]);
    expect(
      files.filter((path) => /(^|\/)(test|bench|node_modules)\/|\.test\.|\.env|\.tgz$/.test(path)),
    ).toEqual([]);
    expect(files).toEqual(
      expect.arrayContaining([
        'bin/bloom.js',
        'bin/check-node.js',
        'dist/src/main.js',
        'src/server.ts',
        'docs/asyncapi.yaml',
        'docs/schema/server.json',
      ]),
    );
    // Its presence tells bin/bloom.js that it runs in a clone.
    expect(files).not.toContain('src/main.ts');
  });

  test('holds every source, compiled or copied', async () => {
    const sources = (globSync(['src/**/*.*', 'machines/**/*.*'], { cwd: root }) as string[]).filter(
      (path) => !/tsconfig.*\.json$/.test(path),
    );
    const built = sources.map((path) => join('dist', path.replace(/\.ts$/, '.js')));
    expect(await list()).toEqual(expect.arrayContaining(built));
  });

  test('holds the sources that the client’s source maps point to', async () => {
    const files = await list();
    const maps = files.filter((path) => /^dist\/src\/client\/.*\.js\.map$/.test(path));
    expect(maps).toContain('dist/src/client/signaling.js.map');
    for (const path of maps) {
      const { sources } = JSON.parse(
        await readFile(join(project, 'node_modules/bloom-signaling', path), 'utf8'),
      );
      for (const source of sources) expect(files).toContain(join(dirname(path), source));
    }
  });

  test('holds the call page, built, and not its sources', async () => {
    const page = (await list()).filter((path) => path.startsWith('web/'));
    expect(page).toEqual(
      expect.arrayContaining(['web/dist/index.html', expect.stringMatching(/^web\/dist\/assets\/.*\.js$/)]),
    );
    expect(page.filter((path) => !path.startsWith('web/dist/'))).toEqual([]);
  });

  test('is small', async () => {
    expect((await stat(tarball)).size).toBeLessThan(1.25 * 1024 * 1024);
  });
});

describe('bloom', () => {
  test('--version prints the version', async () => {
    expect((await run(bloom, ['--version'], { env })).stdout).toBe(`${manifest.version}\n`);
  });

  test('--help prints every option', async () => {
    const { stdout, stderr } = await run(bloom, ['--help'], { env });
    expect(stdout).toMatch(/^Bloom, a WebRTC signalling server/);
    for (const option of ['--port', '--host', '--help', '--version']) expect(stdout).toContain(option);
    expect(stderr).toBe('');
  });

  test('serves, and stops with exit code 0', async () => {
    const child = spawn(bloom, ['--port', '0', '--host', '127.0.0.1'], {
      cwd: project,
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const exited = once(child, 'exit');
    try {
      const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
      const url = /ws:\S+/.exec(line)?.[0];
      const client = await TestClient.connect(url as string);
      expect(await client.createRoom()).toEqual({ room_id: expect.any(String), self_id: expect.any(String) });
      const { stdout } = await run(bloom, ['conformance', url as string, '--only', 'rooms:'], { env });
      expect(stdout).toMatch(/\n[1-9]\d* passed, 0 failed/);
      const page = await fetch(String(url).replace(/^ws:(.*)\/ws$/, 'http:$1/'));
      expect([page.status, await page.text()]).toEqual([
        200,
        expect.stringContaining('<script type="module"'),
      ]);
      child.kill('SIGINT'); // SIGTERM would drain first
      expect(await client.closed).toBe(1001);
      expect(await exited).toEqual([0, null]);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('tells an old Node what is wanted, in one sentence, and exits 1', async () => {
    const pretend =
      'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "22.15.0" } })';
    for (const path of [bloom, join(root, 'bin/bloom.js')]) {
      const args = ['--import', `data:text/javascript,${pretend}`, path, '--version'];
      await expect(run(process.execPath, args)).rejects.toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(
          /^Bloom needs Node\.js 24\.9 or newer, but this is 22\.15\.0 \(.*\)\.\n$/,
        ),
      });
    }
  });

  test('runs from source in a clone', async () => {
    const { stdout } = await run(process.execPath, [join(root, 'bin/bloom.js'), '--version']);
    expect(stdout).toBe(`${manifest.version}\n`);
  });
});

test('the quick start of docs/client.md runs as it is told there, in a project as npm init makes it', async () => {
  const newcomer = join(project, 'newcomer');
  await mkdir(newcomer);
  await writeFile(join(newcomer, 'package.json'), '{ "type": "commonjs" }');
  const text = await readFile(join(project, 'node_modules/bloom-signaling/docs/client.md'), 'utf8');
  const name = /Save this as `([\w.-]+)`/.exec(text)?.[1] as string;
  const source = /```js quick-start\n([\s\S]*?)```/.exec(text)?.[1] as string;
  const server = spawn(bloom, ['--port', '0', '--host', '127.0.0.1'], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const children = [server];
  try {
    const [line] = (await once(createInterface(server.stdout), 'line')) as [string];
    const url = /ws:\S+/.exec(line)?.[0] as string;
    await writeFile(join(newcomer, name), source.replaceAll('ws://localhost:8080/ws', url));
    const program = spawn(process.execPath, [name], { cwd: newcomer, stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(program);
    const lines: string[] = [];
    for await (const said of createInterface(program.stdout)) {
      lines.push(said);
      if (said.includes('answers: ')) break;
    }
    expect(lines).toEqual([
      'connecting',
      'connected',
      expect.stringMatching(/ calls: v=0 the offer/),
      expect.stringMatching(/ answers: v=0 the answer/),
    ]);
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
});

describe('the modules', () => {
  /** Runs a module in the project and returns what it prints, parsed. */
  async function evaluate(source: string): Promise<unknown> {
    const args = ['--input-type=module', '--eval', source];
    return JSON.parse((await run(process.execPath, args, { cwd: project })).stdout);
  }

  test('bloom-signaling serves', async () => {
    const source = `
      import { createLogger, createServer, readConfig } from 'bloom-signaling';
      const config = readConfig({ HOST: '127.0.0.1', PORT: '0' });
      const server = createServer(config, createLogger('silent'));
      const url = await server.listen();
      const response = await fetch(new URL('/healthz', url));
      await server.stop();
      console.log(JSON.stringify(await response.json()));`;
    expect(await evaluate(source)).toMatchObject({ status: 'ok', rooms: 0 });
  });

  test('bloom-signaling/protocol has the codes and loads nothing else, for browsers', async () => {
    const source = `
      import { registerHooks } from 'node:module';
      const loaded = [];
      registerHooks({ resolve: (name, context, next) => (loaded.push(name), next(name, context)) });
      const { CLOSE_CODES, ERROR_CODES } = await import('bloom-signaling/protocol');
      console.log(JSON.stringify({ loaded, going: CLOSE_CODES.GoingAway.code, full: ERROR_CODES.RoomFull }));`;
    expect(await evaluate(source)).toEqual({
      loaded: ['bloom-signaling/protocol', './codes.js'],
      going: 1001,
      full: { meaning: expect.any(String), retry: expect.any(String) },
    });
  });

  test('bloom-signaling/schema/*.json are the JSON Schemas', async () => {
    const source = `
      import client from 'bloom-signaling/schema/client.json' with { type: 'json' };
      import server from 'bloom-signaling/schema/server.json' with { type: 'json' };
      console.log(JSON.stringify([client.$id, server.$id]));`;
    expect(await evaluate(source)).toEqual(['urn:bloom-signaling:client', 'urn:bloom-signaling:server']);
  });

  test('bloom-signaling/client imports xstate alone besides its own', async () => {
    const source = `
      import { registerHooks } from 'node:module';
      const loaded = [];
      registerHooks({ resolve: (name, context, next) => (loaded.push(name), next(name, context)) });
      const { Signaling, SignalingError } = await import('bloom-signaling/client');
      const { state } = new Signaling('ws://localhost/ws');
      const others = loaded.filter((name) => !name.startsWith('.'));
      console.log(JSON.stringify({ others: [...new Set(others)], state, error: new SignalingError('Lost', '').code }));`;
    expect(await evaluate(source)).toEqual({
      others: ['bloom-signaling/client', 'xstate'],
      state: { status: 'idle', attempt: 0 },
      error: 'Lost',
    });
  });

  test('nothing else can be imported', async () => {
    const source = `
      const { code } = await import('bloom-signaling/dist/src/server.js').catch((error) => error);
      console.log(JSON.stringify(code));`;
    expect(await evaluate(source)).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });
});

describe('the types compile, with those of the dependencies checked too', () => {
  const TIMEOUT_MS = 120_000;

  async function compile(source: string, options: object): Promise<void> {
    const compilerOptions = { strict: true, noEmit: true, skipLibCheck: false, ...options };
    await writeFile(join(project, 'consumer.ts'), source);
    await writeFile(
      join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['consumer.ts'] }),
    );
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const output = await run(process.execPath, [tsc, '-p', project]).then(
      () => '',
      ({ stdout, stderr }) => stdout + stderr,
    );
    expect(output).toBe('');
  }

  test(
    'of bloom-signaling, beside the types of Node alone',
    () =>
      compile(
        `import { type BloomServer, createLogger, createServer, readConfig, roomMachine } from 'bloom-signaling';
      export const server: BloomServer = createServer(readConfig({}), createLogger('info'), { roomMachine });
      // @ts-expect-error it is a number
      export const port: string = readConfig({}).port;`,
        { module: 'nodenext', target: 'es2024', types: ['node'] },
      ),
    TIMEOUT_MS,
  );

  test(
    'of bloom-signaling/protocol in a browser',
    () =>
      compile(
        `import { CLOSE_CODES, type ClientMessage, type ServerMessage } from 'bloom-signaling/protocol';
      const socket = new WebSocket('wss://bloom.example/ws');
      const send = (message: ClientMessage) => socket.send(JSON.stringify(message));
      socket.onmessage = ({ data }) => {
        const message: ServerMessage = JSON.parse(data);
        if (message.type === 'Offer') send({ type: 'Answer', to: message.from, sdp: message.sdp });
        // @ts-expect-error there is no such message
        send({ type: 'Goodbye' });
      };
      socket.onclose = ({ code }) => console.log(code === CLOSE_CODES.GoingAway.code);`,
        {
          module: 'esnext',
          moduleResolution: 'bundler',
          target: 'es2022',
          lib: ['es2022', 'dom'],
          types: [],
        },
      ),
    TIMEOUT_MS,
  );

  test.each([
    ['a browser', { module: 'esnext', moduleResolution: 'bundler', lib: ['es2022', 'dom'], types: [] }],
    [
      'Node, with the types of a browser beside',
      { module: 'nodenext', lib: ['es2024', 'dom'], types: ['node'] },
    ],
  ])(
    'of bloom-signaling/client in %s',
    (_, options) =>
      compile(
        `import { type RoomState, Signaling, SignalingError } from 'bloom-signaling/client';
      const signaling = new Signaling('wss://bloom.example/ws', { reconnect: { capMs: 5000 } });
      const stop: () => void = signaling.on('candidate', ({ from, candidate }) => {
        const init: RTCIceCandidateInit | null = candidate;
        void signaling.candidate(from, init).catch((error) => error instanceof SignalingError && error.code);
      });
      export const room: Promise<RoomState> = signaling.joinRoom('', { signal: AbortSignal.timeout(1000) });
      export const connection = new RTCPeerConnection({ iceServers: [...signaling.iceServers] });
      export const value = signaling.actor.getSnapshot().value === 'doubtful';
      // @ts-expect-error there is no such event
      signaling.on('goodbye', stop);
      // @ts-expect-error nor such a status
      export const isGone = signaling.state.status === 'gone';`,
        { target: 'es2022', ...options },
      ),
    TIMEOUT_MS,
  );
});
