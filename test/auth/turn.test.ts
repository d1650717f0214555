import { createHash, createHmac, randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { TurnSecret } from '../../src/auth/turn-secret.ts';
import { TurnService } from '../../src/auth/turn-service.ts';
import { type HttpServer, json, startHttp } from '../support/http-server.ts';
import { startTurnWithSecret, type TurnWithSecret } from '../support/turn.ts';
import { within } from '../support/wait.ts';

describe('credentials from a secret', () => {
  test('are what the draft and coturn compute', () => {
    const turn = new TurnSecret(
      ['turn:turn.example:3478'],
      () => 'north',
      60,
      () => 1_800_000_000_000,
    );
    const { ice_servers, expires_at } = turn.credentialsFor('ada');
    const credential = createHmac('sha1', 'north').update('1800000060:ada').digest('base64');
    expect(ice_servers).toEqual([
      { urls: ['turn:turn.example:3478'], username: '1800000060:ada', credential },
    ]);
    expect(expires_at).toBe('2027-01-15T08:01:00.000Z');
  });

  test('have a user part that every server takes, and no two users have the same', () => {
    const turn = new TurnSecret(
      ['turn:t'],
      () => 'north',
      60,
      () => 0,
    );
    const parts = ['ada', 'a:b', 'ada lovelace', '愛', 'é', 'x'.repeat(128)].map((user) => {
      const [, part = ''] = /^60:(.*)$/.exec(turn.credentialsFor(user).ice_servers[0]?.username ?? '') ?? [];
      return part;
    });
    expect(parts.slice(0, 2)).toEqual(['ada', 'a:b']);
    for (const part of parts) expect(part).toMatch(/^[\x21-\x7e]{1,128}$/);
    expect(new Set(parts).size).toBe(parts.length);
  });
});

describe('a real coturn', () => {
  const secret = randomBytes(32).toString('hex');
  let coturn: TurnWithSecret;
  beforeAll(async () => {
    coturn = await startTurnWithSecret(secret, { userQuota: 1 });
  });
  afterAll(() => coturn.stop());

  function credentials(user: string, { ttlS = 60, nowMs = Date.now(), key = secret } = {}) {
    const [server] = new TurnSecret(
      [coturn.url],
      () => key,
      ttlS,
      () => nowMs,
    ).credentialsFor(user).ice_servers;
    return { username: server?.username ?? '', credential: server?.credential ?? '' };
  }

  test.each(['ada', '愛 & Ada', 'a:b:c'])('lets the user %j in', async (user) => {
    expect(await allocate(coturn.port, credentials(user))).toBe('allocated');
  });

  test('refuses credentials that have expired, and those of another secret', async () => {
    expect(await allocate(coturn.port, credentials('old', { nowMs: Date.now() - 120_000 }))).toBe(401);
    expect(await allocate(coturn.port, credentials('eve', { key: 'other' }))).toBe(401);
  });

  test('counts its quota for each person, whenever the credentials were made', async () => {
    expect(await allocate(coturn.port, credentials('greedy', { ttlS: 60 }))).toBe('allocated');
    expect(await allocate(coturn.port, credentials('greedy', { ttlS: 90 }))).toBe(486);
    expect(await allocate(coturn.port, credentials('modest', { ttlS: 90 }))).toBe('allocated');
  });
});

describe('credentials of a service', () => {
  let http: HttpServer;
  let heard: { headers: IncomingHttpHeaders; body: string; url: string | undefined }[];
  let errors: object[];
  const NOW_MS = 1_800_000_000_000;

  beforeEach(async () => {
    heard = [];
    errors = [];
    http = await startHttp(json({}));
  });
  afterEach(() => http.stop());

  function service(path: string): TurnService {
    const log = { error: (fields: object) => void errors.push(fields) };
    return new TurnService(
      new URL(path, http.url),
      () => 'Bearer k3y',
      3600,
      log,
      () => NOW_MS,
    );
  }

  function answerWith(value: unknown, status: number): void {
    http.answer(async ({ headers, url, ...rest }, response) => {
      void rest;
      response.writeHead(status).end(JSON.stringify(value));
      heard.push({ headers, url, body: '' });
    });
  }

  test('Cloudflare is asked in JSON', async () => {
    const urls = [
      'turn:turn.cloudflare.com:3478?transport=udp',
      'turns:turn.cloudflare.com:5349?transport=tcp',
    ];
    http.answer(async (request, response) => {
      heard.push({ headers: request.headers, url: request.url, body: await text(request) });
      const iceServers = [
        { urls: ['stun:stun.cloudflare.com:3478'] },
        { urls, username: 'u', credential: 'c' },
      ];
      response.writeHead(201).end(JSON.stringify({ iceServers }));
    });
    const path = '/v1/turn/keys/k/credentials/generate-ice-servers';
    expect(await service(path).credentialsFor()).toEqual({
      ice_servers: [{ urls: ['stun:stun.cloudflare.com:3478'] }, { urls, username: 'u', credential: 'c' }],
      expires_at: new Date(NOW_MS + 3_600_000).toISOString(),
    });
    const [{ headers, url, body }] = heard as [(typeof heard)[0]];
    expect({ url, body }).toEqual({ url: path, body: '{"ttl":3600}' });
    expect(headers).toMatchObject({ authorization: 'Bearer k3y', 'content-type': 'application/json' });
  });

  test('Cloudflare’s older answer, one server instead of a list, is understood', async () => {
    answerWith({ iceServers: { urls: ['turn:t:3478'], username: 'u', credential: 'c' } }, 201);
    expect(await service('/generate').credentialsFor()).toMatchObject({ ice_servers: [{ username: 'u' }] });
  });

  test('Twilio is asked by a form, and may give a shorter life', async () => {
    http.answer(async (request, response) => {
      heard.push({ headers: request.headers, url: request.url, body: await text(request) });
      const ice_servers = [
        { url: 'stun:global.stun.twilio.com:3478', urls: 'stun:global.stun.twilio.com:3478' },
        {
          url: 'turn:t:3478?transport=udp',
          urls: 'turn:t:3478?transport=udp',
          username: 'u',
          credential: 'c',
        },
      ];
      response.writeHead(201).end(JSON.stringify({ username: 'u', password: 'c', ttl: '1800', ice_servers }));
    });
    expect(await service('/2010-04-01/Accounts/AC1/Tokens.json').credentialsFor()).toEqual({
      ice_servers: [
        { urls: 'stun:global.stun.twilio.com:3478' },
        { urls: 'turn:t:3478?transport=udp', username: 'u', credential: 'c' },
      ],
      expires_at: new Date(NOW_MS + 1_800_000).toISOString(),
    });
    const [{ headers, body }] = heard as [(typeof heard)[0]];
    expect(body).toBe('Ttl=3600');
    expect(headers['content-type']).toMatch('application/x-www-form-urlencoded');
  });

  test.each<[string, unknown, number]>([
    ['an error', { iceServers: [{ urls: 'turn:t', username: 'u', credential: 'c' }] }, 500],
    ['no servers', { iceServers: [] }, 201],
    ['null', null, 201],
    ['a server that browsers refuse', { iceServers: [{ urls: 'http://t' }] }, 201],
    ['TURN without credentials', { iceServers: [{ urls: 'turn:t' }] }, 201],
  ])('%s gives nothing, and the log has no secret', async (_, value, status) => {
    answerWith(value, status);
    expect(await service('/generate').credentialsFor()).toBeUndefined();
    expect(errors).toHaveLength(1);
    expect(JSON.stringify(errors)).not.toContain('k3y');
  });

  test('a service that fails is not asked any more for a while', async () => {
    answerWith({}, 500);
    const subject = service('/generate');
    for (let i = 0; i < 10; i += 1) expect(await subject.credentialsFor()).toBeUndefined();
    expect(http.requests).toBe(3);
  });
});

/** A TURN client that only allocates (RFC 8656, section 7): 'allocated', or the code of the error. */
async function allocate(port: number, { username, credential }: { username: string; credential: string }) {
  const socket = createSocket('udp4');
  try {
    const transport = attribute(0x0019, Buffer.from([17, 0, 0, 0]));
    const first = await ask(socket, port, [transport]);
    const realm = first.attributes.get(0x0014) as Buffer;
    const nonce = first.attributes.get(0x0015) as Buffer;
    const key = createHash('md5').update(`${username}:${realm}:${credential}`).digest();
    const named = [
      attribute(0x0006, Buffer.from(username)),
      attribute(0x0014, realm),
      attribute(0x0015, nonce),
    ];
    const answer = await ask(socket, port, [transport, ...named], key);
    if (answer.type === 0x0103) return 'allocated';
    const error = answer.attributes.get(0x0009) as Buffer;
    return error.readUInt8(2) * 100 + error.readUInt8(3);
  } finally {
    socket.close();
  }
}

function attribute(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
}

async function ask(socket: Socket, port: number, attributes: readonly Buffer[], key?: Buffer) {
  const body = Buffer.concat(attributes);
  const head = Buffer.alloc(20);
  head.writeUInt16BE(0x0003, 0);
  head.writeUInt16BE(body.length + (key === undefined ? 0 : 24), 2);
  head.writeUInt32BE(0x2112a442, 4);
  randomBytes(12).copy(head, 8);
  const message = Buffer.concat([head, body]);
  const integrity = key && attribute(0x0008, createHmac('sha1', key).update(message).digest());
  const answered = once(socket, 'message') as Promise<[Buffer]>;
  socket.send(integrity === undefined ? message : Buffer.concat([message, integrity]), port, '127.0.0.1');
  const [answer] = await within(10_000, 'an answer of coturn', answered);
  const found = new Map<number, Buffer>();
  for (let at = 20; at < answer.length; ) {
    const length = answer.readUInt16BE(at + 2);
    found.set(answer.readUInt16BE(at), answer.subarray(at + 4, at + 4 + length));
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return { type: answer.readUInt16BE(0), attributes: found };
}
