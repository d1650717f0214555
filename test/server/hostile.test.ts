import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { accepting } from '../support/accepted.ts';
import { seat, TestClient } from '../support/client.ts';
import { heapInUse } from '../support/memory.ts';
import { frame, OPCODE, RawClient } from '../support/raw.ts';
import { health, startServer, type TestServer } from '../support/server.ts';
import { until, within } from '../support/wait.ts';

/**
 * Thousands of generated frames, none of them sent in good faith. BLOOM_TEST_SEED repeats a run; the seed
 * stands in the name of each test.
 */

const SEED = Number(process.env.BLOOM_TEST_SEED ?? Date.now() % 1_000_000);
const ROUNDS = 8;
const FRAMES_A_ROUND = 1300;
const KIB_64 = 65_536;
const MIB = 1024 * 1024;

let server: TestServer;
let byDefault: TestServer;
let witnesses: Witnesses[];
beforeAll(async () => {
  server = await startServer({ RATE_LIMIT_MESSAGES: '10000' });
  byDefault = await startServer();
  witnesses = [await watch(server), await watch(byDefault)];
});
afterAll(() => Promise.all([server.stop(), byDefault.stop()]));

interface Witnesses {
  room_id: string;
  ids: string[];
  /** They heard nothing, they can still signal, the room is theirs alone; and no line of the log is an error. */
  check(): Promise<void>;
}

async function watch(on: TestServer): Promise<Witnesses> {
  const { room_id, clients, ids } = await seat(on.wsUrl, 3);
  const [first, second, third] = clients as [TestClient, TestClient, TestClient];
  let checks = 0;
  async function check(): Promise<void> {
    const sdp = `check ${checks++}`;
    first.send({ type: 'Offer', to: ids[1], sdp });
    await first.settled();
    for (const client of [second, third]) await client.settled();
    expect(second.unread()).toEqual([{ type: 'Offer', from: ids[0], sdp }]);
    third.send({ type: 'LeaveRoom' });
    await third.settled();
    await third.joinRoom(room_id); // its list shows who is inside
    expect(third.heard.at(-1)).toEqual({ type: 'RoomParticipants', room_id, participants: ids });
    const expected = [
      { type: 'PeerDisconnected', participant_id: ids[2] },
      { type: 'RoomParticipants', room_id, participants: ids.slice(0, 2) },
      { type: 'PeerConnected', participant_id: ids[2] },
      { type: 'RoomParticipants', room_id, participants: ids },
    ];
    for (const client of [first, second]) {
      await client.settled();
      expect(client.unread()).toEqual(expected);
    }
    third.unread();
    expect(on.logs.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
    on.logs.length = 0;
  }
  return { room_id, ids, check };
}

/** Frames of at most 64 KiB: some are messages, most are not, and the witnesses' ids are known to them. */
function frames(ids: string[]): fc.Arbitrary<string> {
  const id = fc.constantFrom(...ids, randomUUID(), randomUUID().toUpperCase());
  const type = fc.constantFrom('CreateRoom', 'LeaveRoom', 'Offer', 'Answer', 'IceCandidate', 'JoinRoom');
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.lorem());
  const loneSurrogate = fc.constantFrom('"\\ud800"', '"\\udfff\\ud800"', '"a\\udc00b"');
  const number = fc.constantFrom(
    '1e999',
    '-1e999',
    '-0',
    '1e-400',
    '123456789012345678901234567890',
    '0.1e1',
  );
  const nasty = fc.constantFrom(
    'null',
    'true',
    '[]',
    '{}',
    '""',
    '"\\u0000"',
    '{"__proto__":{"type":"CreateRoom"}}',
  );
  const deep = fc
    .tuple(fc.constantFrom('[', '{"a":', '[[{"":'), fc.integer({ min: 1, max: 10_000 }), fc.boolean())
    .map(([open, depth, closes]) => {
      const close = { '[': ']', '{"a":': '}', '[[{"":': '}]]' }[open] as string;
      const times = Math.min(depth, Math.floor(60_000 / (open.length + close.length)));
      return open.repeat(times) + (open === '[' ? '' : '1') + (closes ? close.repeat(times) : '');
    });
  const long = fc
    .constantFrom('x', '\\u0000', '語', '"', '\\')
    .map((unit) => `"${unit.repeat(60_000 / (unit.length * 3))}"`);
  const value = fc.oneof(
    { weight: 84, arbitrary: fc.json({ maxDepth: 3 }) },
    { weight: 84, arbitrary: id.map((one) => JSON.stringify(one)) },
    { weight: 16, arbitrary: text.map((one) => JSON.stringify(one)) },
    { weight: 12, arbitrary: nasty },
    { weight: 8, arbitrary: number },
    { weight: 8, arbitrary: loneSurrogate },
    { weight: 1, arbitrary: deep },
    { weight: 1, arbitrary: long },
  );
  const key = fc.oneof(
    { weight: 24, arbitrary: fc.constantFrom('to', 'sdp', 'candidate', 'room_id') },
    { weight: 8, arbitrary: fc.constantFrom('sdpMid', 'sdpMLineIndex', 'usernameFragment', 'type', 'from') },
    { weight: 8, arbitrary: fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', '') },
    { weight: 4, arbitrary: text },
    { weight: 1, arbitrary: fc.integer({ min: 1000, max: 60_000 }).map((length) => 'k'.repeat(length)) },
  );
  const typeValue = fc.oneof(
    { weight: 8, arbitrary: type.map((one) => JSON.stringify(one)) },
    { weight: 2, arbitrary: value },
  );
  const field = fc.tuple(key, value).map(([name, json]) => `${JSON.stringify(name)}:${json}`);
  const object = fc
    .tuple(typeValue, fc.array(field, { maxLength: 5 }))
    .map(([one, fields]) => `{${[`"type":${one}`, ...fields].join(',')}}`);
  const message = fc.tuple(type, id, text).map(([one, to, payload]) =>
    JSON.stringify(
      {
        CreateRoom: { type: one },
        LeaveRoom: { type: one },
        JoinRoom: { type: one, room_id: randomUUID() },
        Offer: { type: one, to, sdp: payload },
        Answer: { type: one, to, sdp: payload },
        IceCandidate: { type: one, to, candidate: payload, sdpMLineIndex: payload.length },
      }[one],
    ),
  );
  const damaged = fc
    .tuple(
      fc.oneof(message, object),
      fc.nat(),
      fc.oneof(fc.constant(''), fc.string({ unit: 'binary', maxLength: 3 })),
    )
    .map(
      ([whole, at, splice]) =>
        whole.slice(0, at % whole.length) + splice + whole.slice((at % whole.length) + 2),
    );
  const truncated = fc.tuple(message, fc.nat()).map(([whole, at]) => whole.slice(0, at % whole.length));
  return fc
    .oneof(
      { weight: 8, arbitrary: object },
      { weight: 4, arbitrary: damaged },
      { weight: 3, arbitrary: truncated },
      { weight: 3, arbitrary: message },
      { weight: 3, arbitrary: value },
      { weight: 2, arbitrary: text },
    )
    .filter((one) => Buffer.byteLength(one) <= KIB_64);
}

type Check = (value: unknown) => boolean;
const isString: Check = (value) => typeof value === 'string';
const isUuid: Check = (value) =>
  isString(value) && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(value as string);
const isOptionalString: Check = (value) => value === undefined || value === null || isString(value);
const isIndex: Check = (value) =>
  value === undefined ||
  value === null ||
  (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 65_535);
const FIELDS: Record<string, Record<string, Check>> = {
  CreateRoom: {},
  JoinRoom: { room_id: isUuid },
  LeaveRoom: {},
  Offer: { to: isUuid, sdp: isString },
  Answer: { to: isUuid, sdp: isString },
  IceCandidate: {
    to: isUuid,
    candidate: isString,
    sdpMid: isOptionalString,
    sdpMLineIndex: isIndex,
    usernameFragment: isOptionalString,
  },
};

/** design.md's table once more, independent of src/protocol. */
function isMessage(text: string): boolean {
  let value: unknown;
  try {
    // ws replaces lone surrogates as it encodes, so what the server reads is the text encoded and decoded.
    value = JSON.parse(Buffer.from(text).toString());
  } catch {
    return false;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { type, ...rest } = value as Record<string, unknown>;
  if (typeof type !== 'string' || !Object.hasOwn(FIELDS, type)) return false;
  const fields = FIELDS[type] as Record<string, Check>;
  if (Object.keys(rest).some((key) => !Object.hasOwn(fields, key))) return false;
  return Object.entries(fields).every(([key, isRight]) =>
    isRight(Object.hasOwn(rest, key) ? rest[key] : undefined),
  );
}

/** Sends frames over several connections, `batch` at a time; returns what each connection heard. */
async function bombard(
  on: TestServer,
  texts: string[],
  connections: number,
  batch = 200,
): Promise<TestClient[]> {
  const clients = await Promise.all(Array.from({ length: connections }, () => TestClient.connect(on.wsUrl)));
  for (let at = 0; at < texts.length; ) {
    for (const client of clients) {
      for (const text of texts.slice(at, at + batch)) client.send(text);
      at += batch;
    }
    const answered = Promise.all(clients.map((client) => client.settled()));
    await within(30_000, `the answers to frames up to ${at}`, answered);
  }
  return clients;
}

test(`${ROUNDS * FRAMES_A_ROUND} generated frames, three times over (seed ${SEED})`, async () => {
  // They know the witnesses, but not the room, which is a secret: only ids much like it.
  const { room_id } = witnesses[0]!;
  const almost = `${room_id.slice(0, -1)}${room_id.endsWith('0') ? '1' : '0'}`;
  const arbitrary = frames([...witnesses[0]!.ids, ...witnesses[1]!.ids, almost, ` ${room_id}`]);
  const heap: number[] = [];
  let refused = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const texts = fc.sample(arbitrary, { numRuns: FRAMES_A_ROUND, seed: SEED + round });
    const invalid = texts.filter((text) => !isMessage(text));

    // Each frame that is no message is answered InvalidPayload, once.
    const strangers = await bombard(server, invalid, 4);
    const answers = strangers.flatMap((client) => client.unread());
    expect(codes(answers)).toEqual(new Set(['InvalidPayload']));
    expect(answers).toHaveLength(invalid.length);
    refused += answers.length;

    // Among them messages that may have an effect, but never on the witnesses.
    const mixed = await bombard(server, texts, 4);

    // At the default rate every frame is answered all the same.
    const hasty = await bombard(byDefault, invalid, 4);
    const refusals = hasty.flatMap((client) => client.unread());
    expect(refusals).toHaveLength(invalid.length);
    expect(codes(refusals)).toEqual(new Set(['InvalidPayload', 'RateLimited']));

    for (const client of [...strangers, ...mixed, ...hasty]) {
      expect(client.socket.readyState).toBe(client.socket.OPEN);
      client.close();
      await client.closed;
    }
    for (const each of witnesses) await each.check();
    for (const each of [server, byDefault]) {
      await until('the hostile are gone', async () => (await health(each)).connections === 3);
    }
    heap.push(heapInUse());
  }
  expect(refused).toBeGreaterThan(0.6 * ROUNDS * FRAMES_A_ROUND);
  // The first two rounds warm up; rooms they left empty still live. A leak of a kilobyte a frame would show.
  expect(heap.at(-1)! - heap[1]!).toBeLessThan(3 * MIB);
}, 120_000);

function codes(messages: { type: string }[]): Set<string> {
  return new Set(messages.map((message) => ('code' in message ? String(message.code) : message.type)));
}

describe('raw bytes', () => {
  const chunkings = fc.infiniteStream(fc.integer({ min: 1, max: 200 }));
  const bytes = fc.uint8Array({ maxLength: 300 });
  const anyFrame = fc
    .record({
      opcode: fc.oneof(fc.constantFrom(0, 1, 1, 8, 9, 10), fc.integer({ min: 0, max: 15 })),
      fin: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, fc.boolean()),
      mask: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, fc.boolean()),
      rsv: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 7 })),
      payload: fc.oneof(
        bytes,
        fc.string({ maxLength: 100 }).map((text) => new TextEncoder().encode(text)),
      ),
      length: fc.option(fc.oneof(fc.integer({ min: 0, max: 70_000 }), fc.bigInt(0n, 2n ** 64n - 1n)), {
        freq: 9,
      }),
    })
    .map(({ opcode, payload, length, ...rest }) =>
      frame(opcode, payload, { ...rest, ...(length === null ? {} : { length }) }),
    );
  const attack = fc.record({
    data: fc.oneof(
      bytes.map((one) => Buffer.from(one)),
      fc.array(anyFrame, { minLength: 1, maxLength: 30 }).map((list) => Buffer.concat(list)),
    ),
    chunks: chunkings,
    end: fc.constantFrom('end', 'destroy', 'resetAndDestroy'),
  });

  test(`400 connections of random frames and bytes, in random chunks (seed ${SEED})`, async () => {
    const attacks = fc.sample(attack, { numRuns: 400, seed: SEED });
    const run = async ({ data, chunks, end }: (typeof attacks)[number]): Promise<void> => {
      const raw = await RawClient.connect(server.wsUrl);
      for (let at = 0; at < data.length && !raw.socket.destroyed; ) {
        const size = chunks.next().value as number;
        raw.send(data.subarray(at, at + size));
        at += size;
        await setImmediate();
      }
      raw.socket[end as 'end' | 'destroy' | 'resetAndDestroy']();
      await raw.gone;
    };
    for (let at = 0; at < attacks.length; at += 40) await Promise.all(attacks.slice(at, at + 40).map(run));
    await witnesses[0]!.check();
    await until('the attackers are gone', async () => (await health(server)).connections === 3);
  });

  test('a message in one-byte fragments, in one-byte chunks, with pings between: read as one', async () => {
    const { clients, ids } = await seat(server.wsUrl, 1);
    const raw = await RawClient.connect(server.wsUrl);
    const { room_id } = clients[0]!.heard[0] as { room_id: string };
    const id = await raw.joinRoom(room_id);
    clients[0]!.unread();
    await clients[0]!.settled();
    clients[0]!.unread();
    const text = Buffer.from(JSON.stringify({ type: 'Offer', to: ids[0], sdp: 'é語😀' }));
    const pieces = [...text].flatMap((byte, at) => [
      frame(at === 0 ? OPCODE.text : OPCODE.continuation, Buffer.from([byte]), { fin: false }),
      frame(OPCODE.ping, `between ${at}`),
    ]);
    const data = Buffer.concat([...pieces, frame(OPCODE.continuation, '')]);
    raw.socket.setNoDelay(); // or the kernel puts them together again, and ws ends who sends 60 pings at once
    for (const byte of data) {
      raw.send(Buffer.from([byte]));
      await setImmediate();
    }
    expect(await clients[0]!.next()).toEqual({ type: 'Offer', from: id, sdp: 'é語😀' });
    raw.socket.destroy();
  });

  test('fragments without end: closed when they exceed 64 KiB, or are too many', async () => {
    const raw = await RawClient.connect(server.wsUrl);
    raw.send(frame(OPCODE.text, 'x', { fin: false }));
    const kilobyte = frame(OPCODE.continuation, 'x'.repeat(1024), { fin: false });
    for (let i = 0; i < 64; i++) raw.send(kilobyte);
    expect(await raw.closeCode).toBe(1009);
    const empty = await RawClient.connect(server.wsUrl);
    empty.send(frame(OPCODE.text, '', { fin: false }));
    const nothing = Buffer.concat(Array(1000).fill(frame(OPCODE.continuation, '', { fin: false })));
    for (let i = 0; i < 100 && !empty.socket.destroyed; i++) {
      empty.send(nothing);
      await setImmediate();
    }
    expect(await empty.closeCode).toBe(1008);
    for (const one of [raw, empty]) one.socket.destroy();
    await witnesses[0]!.check();
  });

  test('pings without end from one who reads no pong: cut off, and memory is flat', async () => {
    const before = heapInUse() + process.memoryUsage().external;
    const raw = await RawClient.connect(server.wsUrl);
    raw.socket.pause();
    const pings = Buffer.concat(Array(1000).fill(frame(OPCODE.ping, 'x'.repeat(125))));
    let sent = 0;
    while (!raw.socket.destroyed && sent < 64 * MIB) {
      if (!raw.socket.write(pings)) await drained(raw);
      sent += pings.length;
    }
    expect(raw.socket.destroyed).toBe(true);
    await witnesses[0]!.check();
    expect(heapInUse() + process.memoryUsage().external - before).toBeLessThan(8 * MIB);
  });

  test('errors without end to one who reads none: closed before they fill the memory', async () => {
    const raw = await RawClient.connect(byDefault.wsUrl);
    raw.socket.pause();
    const nonsense = Buffer.concat(Array(1000).fill(frame(OPCODE.text, '?')));
    byDefault.logs.length = 0;
    const before = heapInUse() + process.memoryUsage().external;
    const isClosed = () => byDefault.logs.some(({ msg }) => msg === 'connection closed');
    for (let sent = 0; !isClosed() && sent < 16 * MIB; sent += nonsense.length) {
      if (!raw.socket.write(nonsense)) await drained(raw); // it is read slowly: what it sends waits here
      await setImmediate();
    }
    expect(heapInUse() + process.memoryUsage().external - before).toBeLessThan(8 * MIB);
    expect(isClosed()).toBe(true);
    raw.socket.destroy();
    await until('it is gone', async () => (await health(byDefault)).connections === 3);
    await witnesses[1]!.check();
  });
});

/** What was written has left, or the socket is gone. */
async function drained({ socket, gone }: RawClient): Promise<void> {
  await Promise.race([once(socket, 'drain').catch(() => {}), gone]);
}

describe('a client that sends what costs the server work and is not limited by the rate is read slowly', () => {
  /** A raw client, and the server's side of its connection: the server pauses that when it lets the client rest. */
  async function meetRaw() {
    const { client: raw, accepted } = await accepting(() => RawClient.connect(server.wsUrl));
    const pauses = () => within(20_000, 'a pause', once(accepted, 'pause'));
    return { raw, pauses };
  }

  test('by pings', async () => {
    const { raw, pauses } = await meetRaw();
    const paused = pauses();
    raw.socket.write(frame(OPCODE.ping, 'x'));
    await paused;
    raw.socket.destroy();
  });

  test('by pongs that answer no ping', async () => {
    const { raw, pauses } = await meetRaw();
    const paused = pauses();
    raw.socket.write(frame(OPCODE.pong, '0'));
    await paused;
    raw.socket.destroy();
  });

  test.each(['text', 'binary'] as const)('by %s frames after the server has closed', async (kind) => {
    const { raw, pauses } = await meetRaw();
    raw.socket.write(frame(OPCODE.binary, 'x'));
    expect(await raw.closeCode).toBe(1003);
    const paused = pauses();
    raw.socket.write(frame(OPCODE[kind], '{"type":"CreateRoom"}'));
    await paused;
    expect(raw.heard).toEqual([]);
    raw.socket.destroy();
  });
});
