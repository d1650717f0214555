import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { startServer, type TestServer } from '../support/server.ts';

/**
 * Programs whose peers leave, or that leave themselves, while a call waits. Node ends with code 1 when a promise rejects
 * and nobody handles that, so each runs in a process of its own.
 */

const root = join(import.meta.dirname, '../..');
const CLIENT = join(root, 'src/client/index.ts');

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});

/** Runs a module; returns its exit code and what it wrote. */
async function run(source: string): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
  const [code] = await once(child, 'exit');
  return { code, output };
}

const program = (body: string) =>
  `import { Signaling } from ${JSON.stringify(CLIENT)};
   const open = () => new Signaling(${JSON.stringify(server.wsUrl.href)});
   const gone = (client) => new Promise((resolve) => client.on('peerDisconnected', resolve));
   ${body}
   setTimeout(() => process.exit(0), 200);`;

test.each([
  [
    'an async listener answers after the peer has left',
    `const [alice, bob] = [open(), open()];
     alice.on('offer', async ({ from }) => {
       bob.close();
       await gone(alice);
       await alice.answer(from, 'v=0');
     });
     const told = new Promise((resolve) => alice.on('error', resolve));
     const { roomId } = await alice.createRoom();
     await bob.joinRoom(roomId);
     await bob.offer(alice.selfId, 'v=0');
     console.log((await told).code);`,
    'ParticipantNotFound',
  ],
  [
    'an async listener answers after this client has left the room',
    `const [alice, bob] = [open(), open()];
     alice.on('offer', async ({ from }) => {
       await alice.leave();
       await alice.answer(from, 'v=0');
     });
     const told = new Promise((resolve) => alice.on('error', resolve));
     const { roomId } = await alice.createRoom();
     await bob.joinRoom(roomId);
     await bob.offer(alice.selfId, 'v=0');
     console.log((await told).code);`,
    'InvalidPayload',
  ],
  [
    'an async listener of error that fails likewise goes round no circle',
    `const [alice, bob] = [open(), open()];
     const { roomId } = await alice.createRoom();
     await bob.joinRoom(roomId);
     const id = bob.selfId;
     let count = 0;
     alice.on('error', async () => {
       count += 1;
       await alice.answer(id, 'v=0');
     });
     alice.on('peerDisconnected', async () => {
       await alice.answer(id, 'v=0');
     });
     bob.close();
     await gone(alice);
     await new Promise((resolve) => setTimeout(resolve, 100));
     console.log(count);`,
    '1',
  ],
  [
    'relays that nobody awaits go to a peer that has left',
    `const [alice, bob] = [open(), open()];
     const { roomId } = await alice.createRoom();
     await bob.joinRoom(roomId);
     const id = bob.selfId;
     bob.close();
     await gone(alice);
     alice.offer(id, 'v=0');
     alice.candidate(id, null);
     console.log('survived');`,
    'survived',
  ],
  [
    'calls that nobody awaits are cut short by close(), as by React’s StrictMode',
    `const client = open();
     client.connect();
     client.createRoom();
     client.leave();
     client.close();
     console.log('survived');`,
    'survived',
  ],
])('%s', async (_, body, said) => {
  const { code, output } = await run(program(body));
  expect([output.trim(), code]).toEqual([said, 0]);
});

test('a call that is refused, and that nobody awaits, is an unhandled rejection still', async () => {
  const { code, output } = await run(program("open().joinRoom('my-room');"));
  expect(code).toBe(1);
  expect(output).toMatch(/version 4 UUID/);
});

test('a client can be made where there is neither page nor WebSocket', async () => {
  const body = `delete globalThis.WebSocket;
    const client = new Signaling('/ws');
    await client.connect().catch(({ code, message }) => console.log(code, message));`;
  expect((await run(program(body))).output).toMatch(/^Closed .*relative/);
});

test('the quick start survives peers that leave at every await', async () => {
  const text = await readFile(join(root, 'docs/client.md'), 'utf8');
  const [, quickStart = ''] = /```js quick-start\n([\s\S]*?)```/.exec(text) ?? [];
  const source = quickStart
    .replaceAll('ws://localhost:8080/ws', server.wsUrl.href)
    .replace('bloom-signaling/client', CLIENT)
    .replaceAll('new Signaling', 'globalThis.made(new Signaling');
  const programs = [...source.matchAll(/await /g)].flatMap(({ index }) =>
    [0, 1].map(
      (who) =>
        `const clients = [];
         globalThis.made = (client) => (clients.push(client), client);
         const leave = async () => {
           clients[${who}]?.close();
           await new Promise((resolve) => setTimeout(resolve, 100));
           setTimeout(() => process.exit(0), 300);
         };
         ${`${source.slice(0, index)}(await leave(), 0) || await ${source.slice(index + 6)}`.replace(
           /(globalThis\.made\(new Signaling\([^)]*\))/g,
           '$1)',
         )}
         setTimeout(() => process.exit(0), 2000);`,
    ),
  );
  expect(programs.length).toBeGreaterThan(4);
  for (const each of programs) expect(await run(each)).toMatchObject({ code: 0 });
}, 120_000);
