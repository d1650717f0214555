import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Check } from '../../src/conformance/check.ts';
import { type Outcome, run } from '../../src/conformance/runner.ts';
import { SUITE } from '../../src/conformance/suite.ts';
import { explore, type Limits } from '../../src/conformance/target.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type Fault, FaultyServer, type Message } from './faulty-server.ts';

/** Each server here has one fault. The suite must find it, by the check that is meant for it. */

const PATIENCE_MS = 10_000;
/** The patience for servers whose fault is silence: their check waits for the whole of it. */
const IMPATIENCE_MS = 500;
const SETTLE_MS = 50;
const DEADLINE_MS = 60_000;

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const faultyServers: FaultyServer[] = [];
afterEach(async () => {
  for (const faultyServer of faultyServers.splice(0)) await faultyServer.close();
});

async function outcomesOf(
  fault: Fault,
  {
    isWanted = () => true,
    patienceMs = PATIENCE_MS,
    deadlineMs = DEADLINE_MS,
    known = {},
  }: {
    isWanted?: (check: Check) => boolean;
    patienceMs?: number;
    deadlineMs?: number;
    known?: Partial<Limits>;
  },
): Promise<Outcome[]> {
  const faultyServer = await FaultyServer.listen(server.wsUrl, fault);
  faultyServers.push(faultyServer);
  const target = await explore(faultyServer.url, known, PATIENCE_MS);
  const checks = SUITE.filter(isWanted);
  const outcomes: Outcome[] = [];
  const conditions = { patienceMs, deadlineMs, settleMs: SETTLE_MS, isSlow: false };
  for await (const outcome of run(checks, target, conditions)) outcomes.push(outcome);
  return outcomes;
}

const isRelay = ({ type }: Message) => ['Offer', 'Answer', 'IceCandidate'].includes(type);
const parse = (text: string): Message | undefined => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
/** Changes messages of one type, and passes the others on. */
const on =
  (type: string, down: NonNullable<Fault['down']>): NonNullable<Fault['down']> =>
  (message, passage) =>
    message.type === type ? down(message, passage) : [message];
const code = (from: string, to: string) =>
  on('Error', (message) => [{ ...message, code: message.code === from ? to : message.code }]);

/** The message with each of two ids in the place of the other. */
const swap = (message: Message, one: unknown, other: unknown): Message =>
  JSON.parse(JSON.stringify(message, (_, value) => (value === one ? other : value === other ? one : value)));

interface Case {
  readonly fault: Fault;
  /** The check that must find the fault. */
  readonly check: string;
  readonly reason: RegExp;
  readonly isSilence?: true;
  readonly known?: Partial<Limits>;
}

const FAULTY_SERVERS: Readonly<Record<string, Case>> = {
  'reorders relays': {
    fault: {
      down(message, passage) {
        if (!isRelay(message)) return [message];
        passage.held.unshift(message);
        return passage.held.length < 2 ? [] : passage.held.splice(0);
      },
    },
    check: 'frames from one sender arrive at one addressee in the order they were sent',
    reason: /heard .*"1".* instead/,
  },
  'forgets the ids of requests': {
    fault: { down: ({ request_id: _, ...message }) => [message] },
    check: 'the answer to a request has its id: an answer of its own, Error, or Done',
    reason: /heard .* instead/,
  },
  'says of a member that it is in no room': {
    fault: { down: on('Pong', (message) => [{ ...message, room_id: null }]) },
    check: 'Pong has the room of the client, null outside; the base protocol has no Ping',
    reason: /heard .*null.* instead/,
  },
  'grants features that it does not have': {
    fault: { down: on('Ready', (message) => [{ ...message, features: ['x-ray'] }]) },
    check: 'an invalid Hello may be said again; unknown features are ignored, and Ready says what is spoken',
    reason: /heard .*x-ray.* instead/,
  },
  'does not tell of a departure': {
    fault: { down: on('PeerDisconnected', () => []) },
    check: 'LeaveRoom tells the others PeerDisconnected, then the list; the leaver hears nothing',
    reason: /heard .*RoomParticipants.* instead/,
  },
  'tells of a departure twice': {
    fault: { down: on('PeerDisconnected', (message) => [message, message]) },
    check: 'a socket that ends without a word leaves at once, with exactly one PeerDisconnected',
    reason: /heard .*PeerDisconnected.* instead/,
  },
  'does not notice a broken connection': {
    fault: { hidesEnds: true },
    check: 'a socket that ends without a word leaves at once, with exactly one PeerDisconnected',
    reason: /heard nothing within/,
    isSilence: true,
  },
  'accepts unknown fields': {
    fault: {
      up(text) {
        const message = parse(text);
        if (message?.type !== 'CreateRoom') return [text];
        return ['{"type":"CreateRoom"}'];
      },
    },
    check: 'an unknown field is InvalidPayload; nothing else changes',
    reason: /heard .*RoomCreated.* instead/,
  },
  'accepts ids that are no UUIDs': {
    fault: {
      up(text) {
        const message = parse(text);
        return message?.room_id === 'room-1'
          ? ['{"type":"JoinRoom","room_id":"11111111-1111-4111-8111-111111111111"}']
          : [text];
      },
    },
    check: 'an id that is no UUID is InvalidPayload; nothing else changes',
    reason: /heard .*RoomNotFound.* instead/,
  },
  'leaks relays to other members': {
    fault: {
      down(message, passage) {
        if (isRelay(message)) for (const each of passage.others) each.tell(message);
        return [message];
      },
    },
    check: 'Offer, Answer and IceCandidate reach their addressee alone, as they were sent',
    reason: /heard .*does not expect/,
  },
  'mends payloads': {
    fault: {
      down: (message) => ['sdp' in message ? { ...message, sdp: String(message.sdp).trim() } : message],
    },
    check: 'Offer, Answer and IceCandidate reach their addressee alone, as they were sent',
    reason: /instead/,
  },
  'leaves nulls out': {
    fault: { down: (message) => [JSON.parse(JSON.stringify(message, (_, value) => value ?? undefined))] },
    check: 'Offer, Answer and IceCandidate reach their addressee alone, as they were sent',
    reason: /instead/,
  },
  'finds nobody where a member addresses itself': {
    fault: {
      down(message, passage) {
        if (message.type === 'PeerConnected') passage.held.push(message); // its own comes first
        return isRelay(message) && message.from === passage.held[0]?.participant_id
          ? [{ type: 'Error', code: 'ParticipantNotFound', message: 'That is you.' }]
          : [message];
      },
    },
    check: 'what a member addresses to itself comes back, and to nobody else',
    reason: /heard .*ParticipantNotFound.* instead/,
  },
  'tells one member of two newcomers in another order than the rest': {
    fault: {
      down(message, passage) {
        const [, second] = passage.everybody;
        if (passage !== second) return [message];
        passage.held.push(message);
        const isNews = ({ type }: Message) => type === 'PeerConnected';
        const [, first, next, ...further] = passage.held.filter(isNews);
        if (first === undefined) return [message];
        if (next === undefined) return [];
        const isDue = message === next && further.length === 0;
        return (isDue ? passage.held.slice(passage.held.indexOf(first)) : [message]).map((each) =>
          swap(each, first.participant_id, next.participant_id),
        );
      },
    },
    check: 'all members see those who come at the same time come in the same order',
    reason: /heard .*PeerConnected.* instead/,
  },
  'tells of the list before the newcomer': {
    fault: {
      down(message, passage) {
        passage.held.unshift(message);
        return message.type === 'PeerConnected' ? [] : passage.held.splice(0);
      },
    },
    check: 'a newcomer is announced to every member, itself included, before the list in join order',
    reason: /heard .*RoomParticipants.* instead/,
  },
  'lets relays overtake the newcomer': {
    fault: {
      down(message, passage) {
        const [creator] = passage.everybody;
        if (passage !== creator) return [message];
        passage.held.push(message);
        if (isRelay(message)) return passage.held.splice(0).toReversed();
        return passage.held[0]?.type === 'PeerConnected' ? [] : passage.held.splice(0);
      },
    },
    check: 'a newcomer’s PeerConnected precedes every relay from it, sent without waiting',
    reason: /heard .*Offer.* instead/,
  },
  'lists members in another order': {
    fault: {
      down: on('RoomParticipants', (message) => [
        { ...message, participants: (message.participants as string[]).toReversed() },
      ]),
    },
    check: 'a newcomer is announced to every member, itself included, before the list in join order',
    reason: /instead/,
  },
  'has fields of its own': {
    fault: { down: on('RoomCreated', (message) => [{ ...message, created_at: 1 }]) },
    check: 'CreateRoom is answered RoomCreated, then RoomParticipants with the creator alone',
    reason: /created_at.* instead/,
  },
  'writes ids in upper case': {
    fault: {
      down: (message) => [
        JSON.parse(
          JSON.stringify(message, (key, value) =>
            ['room_id', 'self_id', 'participant_id', 'participants', 'from'].includes(key)
              ? JSON.parse(JSON.stringify(value).toUpperCase())
              : value,
          ),
        ),
      ],
    },
    check: 'CreateRoom is answered RoomCreated, then RoomParticipants with the creator alone',
    reason: /does not fit the protocol's schema/,
  },
  'answers a room that never was with another code': {
    fault: { down: code('RoomNotFound', 'InvalidPayload') },
    check: 'a room that never was is RoomNotFound, and the connection goes on',
    reason: /heard .*InvalidPayload.* instead/,
  },
  'answers an absent addressee with a code of its own': {
    fault: { down: code('ParticipantNotFound', 'NoSuchPeer') },
    check: 'an addressee that is nobody, elsewhere or gone is ParticipantNotFound, and hears nothing',
    reason: /heard .*NoSuchPeer.* instead/,
  },
  'tells everybody of a refusal': {
    fault: {
      down: on('Error', (message, passage) => {
        for (const each of passage.others) each.tell(message);
        return [message];
      }),
    },
    check: 'what is not JSON is InvalidPayload; nothing else changes',
    reason: /heard .*InvalidPayload.* (does not expect|instead)/,
  },
  'says nothing to what it refuses': {
    fault: { down: on('Error', () => []) },
    check: 'what is not JSON is InvalidPayload; nothing else changes',
    reason: /heard nothing within/,
    isSilence: true,
  },
  'takes a member out of its room when it asks for another': {
    fault: {
      up: (text) => (parse(text)?.type === 'CreateRoom' ? ['{"type":"LeaveRoom"}', text] : [text]),
      down: (message) => (String(message.message).includes('outside a room') ? [] : [message]),
    },
    check: 'CreateRoom or JoinRoom inside a room is InvalidPayload, and membership is as it was',
    reason: /heard .* instead/,
  },
  'is not full when it is': {
    fault: { down: code('RoomFull', 'RoomNotFound') },
    check:
      'whoever is too many for a room is refused with RoomFull, the others hear nothing, and a free seat is taken',
    reason: /heard .*RoomNotFound.* instead/,
  },
  'has another capacity than it says': {
    fault: {},
    known: { capacity: 7 },
    check:
      'whoever is too many for a room is refused with RoomFull, the others hear nothing, and a free seat is taken',
    reason: /heard .*PeerConnected.* instead/,
  },
  'allows more messages than it says': {
    fault: {},
    known: { messages: 19 },
    check: 'one frame more than the limit within the window is RateLimited at once, valid or not',
    reason: /heard .*InvalidPayload.* instead/,
  },
  'lets penalised frames through': {
    fault: {
      down(message) {
        return message.code === 'RateLimited'
          ? [{ ...message, code: 'InvalidPayload', message: 'x' }]
          : [message];
      },
    },
    check: 'a frame within the penalty is dropped and answered RateLimited; then the count starts afresh',
    reason: /heard .*InvalidPayload.* instead/,
  },
  'counts the Hello where it says which frame was refused': {
    fault: {
      down(message) {
        return 'frame' in message ? [{ ...message, frame: Number(message.frame) + 1 }] : [message];
      },
    },
    check: 'RateLimited says which frame of the session was refused, its Hello not counted',
    reason: /heard .*RateLimited.* instead/,
  },
  'closes a binary frame with another code': {
    fault: { close: (code) => (code === 1003 ? 1008 : code) },
    check: 'a binary frame is closed 1003, which counts as leaving',
    reason: /closed the socket with 1008/,
  },
  'closes text that is not UTF-8 with another code': {
    fault: { close: (code) => (code === 1007 ? 1002 : code) },
    check: 'text that is not UTF-8 is closed 1007, which counts as leaving',
    reason: /closed the socket with 1002/,
  },
  'reads frames of any size': {
    fault: { up: (text) => (text.length > 65_536 ? [] : [text]) },
    check: 'a frame over the limit is closed 1009, which counts as leaving',
    reason: /heard nothing within/,
    isSilence: true,
  },
  'refuses frames of just the limit': {
    fault: { up: (text) => (text.length === 65_536 ? [`${text} `] : [text]) },
    check: 'a frame of just the limit arrives',
    reason: /instead/,
  },
  'answers any path': {
    fault: { answer: (status, headers) => [status === 404 ? 200 : status, headers] },
    check: 'another path is answered 404',
    reason: /answered 200/,
  },
  'does not say what to upgrade to': {
    fault: { answer: (status) => [status, {}] },
    check: 'the WebSocket’s path without an upgrade is answered 426 with Upgrade: websocket',
    reason: /Upgrade is missing/,
  },
  'counts from 0': {
    fault: {
      down: (message) => ['seq' in message ? { ...message, seq: Number(message.seq) - 1 } : message],
    },
    check: 'Hello is answered Ready, and everything after it is numbered from 1',
    reason: /"seq":0.* instead/,
  },
  'forgets what came while a socket was lost': {
    fault: {
      down(message, passage) {
        if (message.type === 'Ready' && message.resumed === true) passage.held.push(message);
        return passage.held.length > 0 && message.type === 'Offer' && Number(message.seq) < 7
          ? []
          : [message];
      },
    },
    check: 'a lost socket keeps its seat; what came meanwhile is heard once, in order, with its numbers',
    reason: /heard nothing within/,
    isSilence: true,
  },
  'takes a page that is reloaded for one that left': {
    fault: { goes: (code) => (code === 4001 ? 1001 : code) },
    check: 'a close 4001, of a page that is left or reloaded, keeps the seat',
    reason: /PeerDisconnected|instead/,
  },
  'takes a client that has moved for one that left': {
    fault: { goes: (code) => (code === 4000 ? 1000 : code) },
    check: 'a close with 4000 is no goodbye: the client goes on elsewhere, and the seat is kept',
    reason: /PeerDisconnected.* instead/,
  },
  'gives everybody a new session': {
    fault: {
      up: (text) => (parse(text)?.type === 'Hello' ? ['{"type":"Hello"}'] : [text]),
    },
    check: 'a lost socket keeps its seat; what came meanwhile is heard once, in order, with its numbers',
    reason: /"resumed":false.* instead/,
  },
  'tells the base protocol of interruptions': {
    fault: {
      down: on('PeerInterrupted', (message, passage) => {
        const { seq: _, ...rest } = message;
        for (const each of passage.others) each.tell(rest);
        return [message];
      }),
    },
    check: 'the other sessions hear PeerInterrupted and PeerResumed; the base protocol does not',
    reason: /heard .*PeerInterrupted.* which the check does not expect/,
  },
  'knows create_if_missing in the base protocol': {
    fault: {
      up(text) {
        const message = parse(text);
        if (message === undefined || !('create_if_missing' in message)) return [text];
        const { create_if_missing: _, ...rest } = message;
        return [JSON.stringify(rest)];
      },
    },
    check: 'the base protocol does not know create_if_missing, with a session in the room or not',
    reason: /instead/,
  },
};

describe('a server that', () => {
  test.each(Object.entries(FAULTY_SERVERS))(
    '%s is caught',
    async (_, { fault, check, reason, isSilence, known }) => {
      const [outcome, ...others] = await outcomesOf(fault, {
        isWanted: ({ name }) => name === check,
        ...(isSilence && { patienceMs: IMPATIENCE_MS }),
        ...(known && { known }),
      });
      expect(others).toEqual([]);
      expect(outcome).toMatchObject({ verdict: 'failed', reason: expect.stringMatching(reason) });
    },
  );
});

test('a proxy without a fault passes, so the checks find the faults and not the proxy', async () => {
  const outcomes = await outcomesOf({}, {});
  expect(outcomes.filter(({ verdict }) => verdict === 'failed')).toEqual([]);
  expect(outcomes.filter(({ verdict }) => verdict === 'passed').length).toBeGreaterThan(60);
});

test('a server without sessions passes, and the checks of sessions say that it does not offer them', async () => {
  const withoutHello: Fault = { up: (text) => [text.replace('"Hello"', '"Hallo"')] };
  const outcomes = await outcomesOf(withoutHello, {
    isWanted: ({ isOfSessions, section }) => isOfSessions === true || section === 'Rooms',
  });
  expect(outcomes.filter(({ verdict }) => verdict === 'passed')).not.toEqual([]);
  expect(outcomes.filter(({ verdict }) => verdict === 'failed')).toEqual([]);
  expect(outcomes.filter(({ verdict }) => verdict === 'not offered').map(({ check }) => check)).toEqual(
    SUITE.filter(({ isOfSessions }) => isOfSessions),
  );
});

test.each([
  { max_payload_bytes: 1 },
  { max_payload_bytes: Number.MAX_SAFE_INTEGER },
  { messages: 1 },
  { messages: 0, window_ms: 0, room_capacity: 0 },
  { messages: -1, window_ms: -1, max_payload_bytes: -1, room_capacity: -1 },
  { window_ms: Number.MAX_SAFE_INTEGER },
  null,
])('absurd limits in Ready, such as %j, do not stop the report', async (told) => {
  const absurd: Fault = {
    down: on('Ready', (message) => [{ ...message, limits: told && { ...Object(message.limits), ...told } }]),
  };
  const outcomes = await outcomesOf(absurd, {
    isWanted: ({ section }) => section === 'Limits' || section === 'Hello',
    patienceMs: IMPATIENCE_MS,
    deadlineMs: 3000,
  });
  const sections = SUITE.filter(({ section }) => section === 'Limits' || section === 'Hello');
  expect(outcomes.map(({ check }) => check)).toEqual(sections);
});

test('a check ends at its deadline, whatever it waits for', async () => {
  const mute: Fault = { down: (message) => (message.type === 'Ready' ? [message] : []) };
  const outcomes = await outcomesOf(mute, {
    isWanted: ({ section }) => section === 'Rooms',
    deadlineMs: 100,
    patienceMs: 50_000,
  });
  expect(outcomes.map((outcome) => ('reason' in outcome ? outcome.reason : outcome.verdict))).toEqual(
    outcomes.map(() => 'the check did not end within 100 ms'),
  );
});
