import { describe, expect, test } from '@jest/globals';
import { participantMachine } from '../../machines/participant.ts';
import { eventOf } from '../../src/participant.ts';
import type { ClientMessage, ParticipantMessage } from '../../src/protocol/client.ts';
import { CLIENT_MESSAGES, SERVER_MESSAGES } from '../../src/protocol/messages.ts';
import { NOT_NOW, parseClientMessage } from '../../src/protocol/reading.ts';
import { WHEN } from '../../src/protocol/registry.ts';
import type { ServerMessage } from '../../src/protocol/server.ts';
import { validateServerMessage } from '../../src/protocol/validation.ts';
import { SPAN } from '../../src/telemetry/names.ts';
import { startDecider } from '../support/decider.ts';

const messages = Object.entries(CLIENT_MESSAGES);
type ClientType = keyof typeof CLIENT_MESSAGES;

/** Whether two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const isTrue = <_ extends true>() => true;

test('the types that follow from the registry are exact', () => {
  expect(isTrue<Same<ClientMessage['type'], ClientType>>()).toBe(true);
  expect(isTrue<Same<ServerMessage['type'], keyof typeof SERVER_MESSAGES>>()).toBe(true);
  type Join = Extract<ClientMessage, { type: 'JoinRoom' }>;
  expect(isTrue<Same<Join['create_if_missing'], boolean | undefined>>()).toBe(true);
  expect(isTrue<Same<Extract<ClientMessage, { type: 'Offer' }>['sdp'], string>>()).toBe(true);
  type Lost = Extract<ServerMessage, { type: 'Ready' }>['lost'];
  expect(isTrue<Same<Lost, true | undefined>>()).toBe(true);
});

describe('each message of clients', () => {
  test.each(messages)('%s has its own request id, if its session schema has checks', (_, entry) => {
    const { schema } = entry.inSession ?? entry;
    if ('pipe' in schema) expect(schema.entries).toHaveProperty('request_id');
  });

  test.each(messages)('%s has its own name as its type, and an example that is read', (type, entry) => {
    expect(entry.schema.entries.type.literal).toBe(type);
    const { example, inSession } = entry;
    for (const each of inSession === undefined ? [example] : [example, inSession.example])
      expect(parseClientMessage(JSON.stringify(each), 'session')).toMatchObject({ ok: true });
    const { knownTo } = entry;
    expect(parseClientMessage(JSON.stringify(example), 'base').ok).toBe(
      knownTo === 'base' || type === 'Hello',
    );
  });

  test.each(messages)('%s has a span of its own', (type, { span }) => {
    expect(SPAN[type as ClientType]).toBe(span);
    expect(Object.values(SPAN).filter((name) => name === span)).toHaveLength(1);
  });
});

test.each(Object.entries(SERVER_MESSAGES))('%s of the server has an example that fits', (type, entry) => {
  expect(entry.schema.entries.type.literal).toBe(type);
  const { example, knownTo, startsNumbers } = entry;
  expect(validateServerMessage(startsNumbers ? example : { ...example, seq: 1 }, 'session')).toBeUndefined();
  expect(validateServerMessage(example, 'base') === undefined).toBe(knownTo === 'base');
});

describe('the machine of a participant agrees with the registry on when a message may come', () => {
  const NOWHERE = { participant_id: 'self', isSession: true };
  const times = { resumeGraceMs: 1000, reloadGraceMs: 1000, outsideTimeoutMs: 1_000_000 };

  function start(seat: 'outside' | 'inside') {
    const decider = startDecider(participantMachine, { ...NOWHERE, ...times });
    if (seat === 'inside') {
      decider.decide(eventOf(CLIENT_MESSAGES.JoinRoom.example));
      decider.decide({ type: 'room.entered', room_id: 'room' });
    }
    return decider;
  }

  const ofParticipants = messages.filter(([type]) => type !== 'Hello');
  test.each(ofParticipants)('%s', (type, { when, example }) => {
    for (const seat of ['outside', 'inside'] as const) {
      const event = eventOf(example as ParticipantMessage);
      const decisions = start(seat).decide(event);
      const refusal = { type: 'refuse', code: 'InvalidPayload', message: NOT_NOW[type as ClientType] };
      const isAllowed = when === 'anywhere' || when === seat;
      expect(decisions.length).toBeGreaterThan(0);
      if (isAllowed) expect(decisions).not.toContainEqual(expect.objectContaining({ type: 'refuse' }));
      else expect(decisions).toEqual([refusal]);
      expect(NOT_NOW[type as ClientType]).toBe(WHEN[when].refusal);
    }
  });
});
