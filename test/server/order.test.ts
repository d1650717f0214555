import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { closeFrame, frame, handshake, OPCODE, textFrame } from '../support/raw.ts';
import { startServer, type TestServer } from '../support/server.ts';

/**
 * What one turn of the event loop writes leaves together. Messages, and the pongs and close frames ws writes by
 * itself, arrive in the order in which they were caused all the same.
 */

let directory: string;
const servers: Record<string, TestServer> = {};
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'bloom-order-'));
  const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const files = ['-subj', '/CN=bloom test', '-days', '2', '-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', ...ec, ...files], { stdio: 'pipe' });
  servers.tcp = await startServer();
  servers.tls = await startServer({ TLS_CERT_FILE: cert, TLS_KEY_FILE: key });
});
afterAll(async () => {
  await Promise.all(Object.values(servers).map((server) => server.stop()));
  rmSync(directory, { recursive: true });
});

/** Sends frames in one write, and tells what came back until the server ended: Error codes, pongs, the close. */
async function exchange(name: string, ...frames: Buffer[]): Promise<string[]> {
  const { wsUrl } = servers[name] as TestServer;
  const to = { host: wsUrl.hostname, port: Number(wsUrl.port) };
  const socket =
    name === 'tls'
      ? connectTls({
          ...to,
          ca: readFileSync(join(directory, 'cert.pem')),
          checkServerIdentity: () => undefined,
        })
      : connectTcp(to);
  socket.write(handshake(wsUrl));
  socket.write(Buffer.concat(frames));
  let bytes = Buffer.alloc(0);
  for await (const data of socket) bytes = Buffer.concat([bytes, data]);
  bytes = bytes.subarray(bytes.indexOf('\r\n\r\n') + 4);
  const told: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const opcode = (bytes[at] as number) & 0x0f;
    const isLong = bytes[at + 1] === 126;
    const start = at + (isLong ? 4 : 2);
    const end = start + (isLong ? bytes.readUInt16BE(at + 2) : (bytes[at + 1] as number));
    const payload = bytes.subarray(start, end);
    if (opcode === OPCODE.text) told.push(JSON.parse(payload.toString()).message);
    if (opcode === OPCODE.pong) told.push(`pong ${payload}`);
    if (opcode === OPCODE.close) told.push(`close ${payload.length < 2 ? '' : payload.readUInt16BE()}`);
    at = end;
  }
  return told;
}

const message = (type: string) => textFrame({ type });
const answer = (type: string) => expect.stringContaining(`"${type}"`);
const ping = (payload: string) => frame(OPCODE.ping, payload);

test.each(['tcp', 'tls'])(
  '%s: pongs stand where their pings stood, and the close comes last',
  async (name) => {
    const sent = [
      message('A'),
      ping('1'),
      message('B'),
      message('C'),
      ping('2'),
      message('D'),
      closeFrame(1000),
    ];
    expect(await exchange(name, ...sent)).toEqual([
      answer('A'),
      'pong 1',
      answer('B'),
      answer('C'),
      'pong 2',
      answer('D'),
      'close 1000',
    ]);
  },
);

test.each([
  ['a binary frame', frame(OPCODE.binary, 'x'), 1003],
  ['a frame that is too large', frame(OPCODE.text, 'x'.repeat(70_000)), 1009],
  ['a reserved bit', frame(OPCODE.text, 'x', { rsv: 1 }), 1002],
])(
  'behind messages in the same packet, %s: they are answered, then comes the close',
  async (_, bad, code) => {
    for (const name of ['tcp', 'tls']) {
      expect(await exchange(name, message('A'), message('B'), bad, closeFrame(code))).toEqual([
        answer('A'),
        answer('B'),
        `close ${code}`,
      ]);
    }
  },
);
