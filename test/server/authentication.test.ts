import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ClientOptions, WebSocket } from 'ws';
import { mintToken } from '../../src/auth/token-command.ts';
import { ConfigError, readConfig } from '../../src/config.ts';
import { json, startHttp } from '../support/http-server.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { hmacToken } from '../support/tokens.ts';
import { until, within } from '../support/wait.ts';

/** A real server whose clients say who they are when they connect. */

const SECRET = randomBytes(32);
let folder: string;
let secretsFile: string;
let required: TestServer;
let optional: TestServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bloom-auth-'));
  secretsFile = join(folder, 'secrets');
  writeFileSync(secretsFile, `main=${SECRET.toString('base64')}\n`);
  required = await startServer({ AUTH: 'required', AUTH_SECRETS_FILE: secretsFile, AUTH_GRACE_MS: '0' });
  optional = await startServer({ AUTH: 'optional', AUTH_SECRETS_FILE: secretsFile });
});
afterAll(() => rmSync(folder, { recursive: true }));

function token(bloom: object | undefined, claims: object = {}): string {
  const iat = Math.floor(Date.now() / 1000);
  const payload = { sub: 'ada', iat, exp: iat + 600, bloom, ...claims };
  return hmacToken({ alg: 'HS256', kid: 'main' }, payload, SECRET);
}

const ANYTHING = { rooms: ['*'], create: true };

type Message = Readonly<Record<string, unknown>>;

class Client {
  readonly socket: WebSocket;
  readonly heard: Message[] = [];
  closedWith: number | undefined;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => this.heard.push(JSON.parse(String(data))));
    socket.on('close', (code) => {
      this.closedWith = code;
    });
  }

  say(message: Message): void {
    this.socket.send(JSON.stringify(message));
  }

  async hear(type: string): Promise<Message> {
    await until(`${type} comes`, () => this.heard.some((message) => message.type === type));
    return this.heard.find((message) => message.type === type) as Message;
  }
}

/** A client that is in, or the status of the refusal. */
async function connect(
  { wsUrl }: TestServer,
  {
    query = '',
    protocols = [] as string[],
    ...options
  }: ClientOptions & { query?: string; protocols?: string[] } = {},
): Promise<Client | number> {
  const socket = new WebSocket(new URL(query, wsUrl), protocols, options);
  const client = new Client(socket);
  const result = new Promise<Client | number>((resolve) => {
    socket.on('open', () => resolve(client));
    socket.on('unexpected-response', (request, { statusCode = 0 }) => {
      request.destroy();
      resolve(statusCode);
    });
    socket.on('error', () => {});
  });
  return within(10_000, 'the upgrade is answered', result);
}

function bearer(given: string): ClientOptions {
  return { headers: { Authorization: `Bearer ${given}` } };
}

async function enter(server: TestServer, options: Parameters<typeof connect>[1] = {}): Promise<Client> {
  const client = await connect(server, options);
  if (typeof client === 'number') throw new Error(`refused with ${client}`);
  return client;
}

describe('where authentication is required', () => {
  test('a token in the Authorization header lets a client in, and the base protocol goes on as ever', async () => {
    const client = await enter(required, bearer(token(ANYTHING)));
    client.say({ type: 'CreateRoom' });
    await client.hear('RoomCreated');
    client.socket.close();
  });

  test('a token in a subprotocol lets a browser in, which gets bloom back and not the token', async () => {
    const encoded = Buffer.from(token(ANYTHING)).toString('base64url');
    const client = await enter(required, { protocols: ['bloom', `base64url.bearer.bloom.${encoded}`] });
    expect(client.socket.protocol).toBe('bloom');
    client.socket.close();
  });

  test('a ticket in the URL lets a client in once', async () => {
    const headers = { Authorization: `Bearer ${token(ANYTHING)}` };
    const response = await fetch(new URL('auth/ticket', required.url), { method: 'POST', headers });
    const { ticket } = (await response.json()) as { ticket: string };
    const client = await enter(required, { query: `?ticket=${ticket}` });
    expect(await connect(required, { query: `?ticket=${ticket}` })).toBe(401);
    expect(JSON.stringify(required.logs)).not.toContain(ticket);
    client.socket.close();
  });

  test.each<[string, () => Parameters<typeof connect>[1], string]>([
    ['nothing', () => ({}), 'missing'],
    [
      'a forged token',
      () => bearer(hmacToken({ alg: 'HS256', kid: 'main' }, { sub: 'eve' }, 'x')),
      'signature',
    ],
    ['a token in the URL', () => ({ query: `?token=${token(ANYTHING)}` }), 'missing'],
    ['an unknown ticket', () => ({ query: '?ticket=x' }), 'ticket'],
    ['two tickets', () => ({ query: '?ticket=x&ticket=y' }), 'form'],
    [
      'two tokens',
      () => ({
        ...bearer('a.b.c'),
        protocols: [`base64url.bearer.bloom.${Buffer.from('d').toString('base64url')}`],
      }),
      'form',
    ],
  ])('%s is answered 401, and the log says why', async (_, options, check) => {
    const before = required.logs.length;
    expect(await connect(required, options())).toBe(401);
    const refusals = required.logs.slice(before).filter(({ msg }) => msg === 'authentication refused');
    expect(refusals).toEqual([expect.objectContaining({ check })]);
  });

  test('no token and no secret is in the log', () => {
    const lines = JSON.stringify(required.logs);
    expect(lines).not.toMatch(/eyJ/);
    expect(lines).not.toContain(SECRET.toString('base64'));
  });

  test('the connection is closed 4401 when its token has expired', async () => {
    const iat = Math.floor(Date.now() / 1000);
    const client = await enter(required, bearer(token(ANYTHING, { iat: iat - 10, exp: iat + 1 })));
    await until('the server closes it', () => client.closedWith !== undefined);
    expect(client.closedWith).toBe(4401);
  });
});

describe('what the grants do not allow', () => {
  const ROOM = randomUUID();

  async function ask(bloom: object, message: Message): Promise<Message> {
    const client = await enter(required, bearer(token(bloom)));
    client.say({ type: 'Hello' });
    await client.hear('Ready');
    client.say(message);
    await until('an answer comes', () => client.heard.length > 1);
    client.socket.close();
    return client.heard[1] as Message;
  }

  test('is as if the room did not exist, also where it does', async () => {
    const owner = await enter(required, bearer(token(ANYTHING)));
    owner.say({ type: 'CreateRoom' });
    const { room_id } = await owner.hear('RoomCreated');
    const join = { type: 'JoinRoom', room_id };
    expect(await ask({ rooms: [ROOM] }, join)).toEqual({
      type: 'Error',
      code: 'RoomNotFound',
      message: `No room ${room_id}: it never was, or it expired.`,
      seq: 1,
    });
    expect(await ask({ rooms: [room_id] }, join)).toMatchObject({ type: 'PeerConnected' });
    owner.socket.close();
  });

  test('is a room that may be joined, and not opened', async () => {
    const join = { type: 'JoinRoom', room_id: ROOM, create_if_missing: true };
    expect(await ask({ rooms: ['*'] }, join)).toMatchObject({ code: 'RoomNotFound' });
    expect(await ask({ rooms: [ROOM], create: false }, join)).toMatchObject({ code: 'RoomNotFound' });
    expect(await ask({ rooms: [ROOM] }, join)).toMatchObject({ type: 'PeerConnected' });
  });

  test('is a new room', async () => {
    expect(await ask({ rooms: ['*'] }, { type: 'CreateRoom' })).toMatchObject({ code: 'RoomNotFound' });
  });
});

describe('a session', () => {
  const resume = async (client: Client, from: Message) => {
    client.say({ type: 'Hello', resume_token: from.resume_token as string, last_seq: 0 });
    return client.hear('Ready');
  };

  async function interrupted(sub: string): Promise<Message> {
    const client = await enter(required, bearer(token(ANYTHING, { sub })));
    client.say({ type: 'Hello' });
    const ready = await client.hear('Ready');
    client.say({ type: 'CreateRoom' });
    await client.hear('RoomCreated');
    client.socket.terminate();
    return ready;
  }

  test('is taken up by its own user with another token, and by no other user', async () => {
    const ready = await interrupted('ada');
    const thief = await enter(required, bearer(token(ANYTHING, { sub: 'eve' })));
    expect(await resume(thief, ready)).toMatchObject({ resumed: false });
    const owner = await enter(required, bearer(token(ANYTHING)));
    expect(await resume(owner, ready)).toMatchObject({ resumed: true, participant_id: ready.participant_id });
    for (const { socket } of [thief, owner]) socket.close();
  });

  test('is not taken up where the new token does not allow its room', async () => {
    const ready = await interrupted('ada');
    const owner = await enter(required, bearer(token({ rooms: [randomUUID()] })));
    expect(await resume(owner, ready)).toMatchObject({ resumed: false });
    owner.socket.close();
  });
});

describe('where authentication is optional', () => {
  test('a client without a token enters as ever, and its session is resumed', async () => {
    const client = await enter(optional);
    client.say({ type: 'Hello' });
    const { resume_token } = await client.hear('Ready');
    client.say({ type: 'CreateRoom' });
    await client.hear('RoomCreated');
    client.socket.terminate();
    const again = await enter(optional);
    again.say({ type: 'Hello', resume_token, last_seq: 0 });
    expect(await again.hear('Ready')).toMatchObject({ resumed: true });
    again.socket.close();
  });

  test('a token that is wrong is refused: it does not become anonymous', async () => {
    expect(await connect(optional, bearer('x'))).toBe(401);
  });

  test('an anonymous client does not take up the session of a user', async () => {
    const user = await enter(optional, bearer(token(ANYTHING)));
    user.say({ type: 'Hello' });
    const { resume_token } = await user.hear('Ready');
    const stranger = await enter(optional);
    stranger.say({ type: 'Hello', resume_token, last_seq: 0 });
    expect(await stranger.hear('Ready')).toMatchObject({ resumed: false });
    for (const { socket } of [user, stranger]) socket.close();
  });
});

test('a hook hears the cookies of the page, and says who it is', async () => {
  const hook = await startHttp((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      const { cookie } = JSON.parse(body);
      if (cookie === 'session=ada') json({ user_id: 'ada', grants: ANYTHING })(request, response);
      else json({}, 401)(request, response);
    });
  });
  const origin = 'https://app.example';
  const server = await startServer({
    AUTH: 'required',
    AUTH_HOOK_URL: hook.url.href,
    ALLOWED_ORIGINS: origin,
  });
  const client = await enter(server, { headers: { Cookie: 'session=ada' }, origin });
  client.say({ type: 'CreateRoom' });
  await client.hear('RoomCreated');
  client.socket.close();
  expect(await connect(server, { headers: { Cookie: 'session=eve' }, origin })).toBe(401);
  await hook.stop();
  expect(await connect(server, { headers: { Cookie: 'session=ada' }, origin })).toBe(401);
});

test('secrets are read again when the server is told to reload', async () => {
  const path = join(folder, 'rotating');
  writeFileSync(path, `old=${randomBytes(32).toString('base64')}`);
  const server = await startServer({ AUTH: 'required', AUTH_SECRETS_FILE: path });
  expect(await connect(server, bearer(token(ANYTHING)))).toBe(401);
  writeFileSync(path, `main=${SECRET.toString('base64')}`);
  server.reload();
  (await enter(server, bearer(token(ANYTHING)))).socket.close();
});

test('bloom token mints what the server takes', async () => {
  let minted = '';
  const output = { out: (text: string) => (minted += text), error: () => {} };
  await mintToken(['--room', '*', '--create', '--name', 'Ada'], { AUTH_SECRETS_FILE: secretsFile }, output);
  (await enter(required, bearer(minted.trim()))).socket.close();
});

test('while authentication is off there are no endpoints, and a token is not looked at', async () => {
  const server = await startServer();
  expect((await fetch(new URL('auth/ticket', server.url), { method: 'POST' })).status).toBe(404);
  (await enter(server, bearer('x'))).socket.close();
});

describe('settings that are refused at the start:', () => {
  test.each<[Record<string, string>, string]>([
    [{ AUTH: 'required' }, 'nothing says who a client is'],
    [{ AUTH: 'on' }, 'AUTH is "on"; allowed: off, optional or required.'],
    [{ AUTH: 'required', AUTH_JWKS_URL: 'https://id.example/keys' }, 'AUTH_AUDIENCE is empty'],
    [
      { AUTH: 'required', AUTH_JWKS_URL: 'http://id.example/keys', AUTH_AUDIENCE: 'x' },
      'AUTH_JWKS_URL is wrong',
    ],
    [{ AUTH: 'required', AUTH_HOOK_URL: 'https://app.example/who' }, 'ALLOWED_ORIGINS is empty'],
  ])('%j', (env, problem) => {
    expect(() => readConfig(env)).toThrow(problem);
  });

  test('a file that is not there', async () => {
    const starting = startServer({ AUTH: 'required', AUTH_SECRETS_FILE: '/none' });
    await expect(starting).rejects.toThrow(ConfigError);
    await expect(starting).rejects.toThrow('AUTH_SECRETS_FILE /none: ENOENT');
  });
});
