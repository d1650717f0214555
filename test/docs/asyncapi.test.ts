import { readFileSync } from 'node:fs';
import type { AsyncAPIDocumentInterface } from '@asyncapi/parser';
import { Parser } from '@asyncapi/parser';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { CLOSE_CODES, ERROR_CODES } from '../../src/protocol/codes.ts';
import { CLIENT_MESSAGES, SERVER_MESSAGES } from '../../src/protocol/messages.ts';
import { parseClientMessage } from '../../src/protocol/reading.ts';
import { validateServerMessage } from '../../src/protocol/validation.ts';

/** docs/asyncapi.yaml as AsyncAPI's own parser reads it. That it follows from the code, generated.test.ts says. */

const text = readFileSync(new URL('../../docs/asyncapi.yaml', import.meta.url), 'utf8');
let document: AsyncAPIDocumentInterface;
let complaints: string[];

beforeAll(async () => {
  const result = await new Parser().parse(text);
  complaints = result.diagnostics
    .filter(({ code }) => code !== 'asyncapi-latest-version') // 3.0 is what most tools read
    .map(({ code, message, path }) => `${String(code)} at ${path.join('.')}: ${message}`);
  document = result.document as AsyncAPIDocumentInterface;
});

const namesIn = (operation: string) =>
  (document.operations().get(operation)?.messages().all() ?? []).map((message) => String(message.name()));
const everyMessage = () => document.channels().get('ws')?.messages().all() ?? [];

test('is valid, without so much as a hint', () => expect(complaints).toEqual([]));

test('the parser would tell', async () => {
  const { diagnostics } = await new Parser().parse(text.replace('action: receive', 'action: listen'));
  expect(diagnostics).not.toEqual([]);
});

test('has the one channel, on a server without and one with TLS', () => {
  expect(
    document
      .channels()
      .all()
      .map((channel) => channel.address()),
  ).toEqual(['/ws']);
  expect(
    document
      .servers()
      .all()
      .map((server) => server.protocol()),
  ).toEqual(['ws', 'wss']);
});

test('tells the base protocol and sessions apart', () => {
  const six = ['CreateRoom', 'JoinRoom', 'LeaveRoom', 'Offer', 'Answer', 'IceCandidate'];
  const told = ['RoomCreated', 'PeerConnected', 'PeerDisconnected', 'RoomParticipants'];
  const base = [...told, 'Offer', 'Answer', 'IceCandidate', 'Error'];
  expect(namesIn('receiveBase')).toEqual(six);
  expect(namesIn('sendBase')).toEqual(base);
  expect(namesIn('openSession')).toEqual(['Hello']);
  expect(namesIn('receiveInSession').sort()).toEqual([...six, 'Ping'].sort());
  expect(namesIn('sendInSession').sort()).toEqual(
    [...base, 'PeerInterrupted', 'PeerResumed', 'ServerDraining', 'Done', 'Pong'].sort(),
  );
});

test('has every message of both directions, each with a summary, a payload and an example', () => {
  const types = [...Object.keys(CLIENT_MESSAGES), ...Object.keys(SERVER_MESSAGES)];
  expect(new Set(everyMessage().map((message) => message.name()))).toEqual(new Set(types));
  for (const message of everyMessage()) {
    expect(message.summary()).toMatch(/^\S.*\.$/);
    expect(message.payload()?.json()).toMatchObject({ type: 'object', additionalProperties: false });
    expect(message.examples().all()).toHaveLength(1);
  }
});

test('describes every error and close code', () => {
  const descriptions = everyMessage()
    .filter((message) => message.name() === 'Error')
    .map((message) => message.description());
  expect(descriptions).toHaveLength(2);
  for (const [code, { meaning, retry }] of Object.entries(ERROR_CODES)) {
    for (const description of descriptions)
      expect(description).toContain(`\`${code}\` | ${meaning} | ${retry}`);
  }
  for (const { code, meaning } of Object.values(CLOSE_CODES)) {
    expect(document.channels().get('ws')?.description()).toMatch(
      new RegExp(`${code} \\| \\w+ \\| ${meaning}`),
    );
  }
});

describe('the examples', () => {
  test('fit their payload schemas', () => {
    const ajv = new Ajv({ allErrors: true, keywords: ['x-parser-schema-id'] });
    addFormats.default(ajv);
    for (const message of everyMessage()) {
      const [example] = message.examples().all();
      const isValid = ajv.compile(message.payload()?.json() as object);
      expect([message.title(), isValid(example?.payload()), isValid.errors]).toEqual([
        message.title(),
        true,
        null,
      ]);
    }
  });

  test('are messages that the code reads', () => {
    for (const message of everyMessage()) {
      const dialect = message.tags().has('session') ? 'session' : 'base';
      const payload = message.examples().all()[0]?.payload() as object;
      const reason = String(message.id()).startsWith('client.')
        ? parseClientMessage(JSON.stringify(payload), dialect)
        : validateServerMessage(payload, dialect);
      expect([message.id(), reason]).toEqual([
        message.id(),
        reason === undefined ? undefined : expect.objectContaining({ ok: true }),
      ]);
    }
  });
});
