import { expect, test } from '@jest/globals';
import type { SignalingState } from '../../../src/client/index.ts';
import type { Person } from '../../../web/call/people.ts';
import { statusOf } from '../../../web/call/status.ts';
import { en } from '../../../web/i18n/en.ts';
import { ja } from '../../../web/i18n/ja.ts';
import { person } from './people-fixture.ts';

const SELF = person('me', { isSelf: true });
const CONNECTED: SignalingState = { status: 'connected', attempt: 0 };

const inRoom = (signaling: SignalingState, ...others: Person[]) =>
  statusOf(signaling, [SELF, ...others], true, en);

test('outside of a call', () => {
  expect(statusOf(undefined, [], false, en)).toEqual({ tone: 'idle', text: '' });
  expect(statusOf({ status: 'connecting', attempt: 0 }, [SELF], false, en)).toEqual({
    tone: 'busy',
    text: 'Connecting…',
  });
  expect(statusOf(CONNECTED, [SELF], false, en).text).toBe('Connecting…');
  expect(statusOf({ status: 'waiting', attempt: 1, retryAt: 5000 }, [SELF], false, en)).toEqual({
    tone: 'bad',
    text: 'The server cannot be reached. Trying again…',
    retryAt: 5000,
  });
  // The same words while it is tried: a screen reader says them once.
  expect(statusOf({ status: 'connecting', attempt: 1 }, [SELF], false, en)).toEqual({
    tone: 'bad',
    text: 'The server cannot be reached. Trying again…',
  });
});

test.each([
  [[], 'good', 'Connected'],
  [[person('Ken')], 'good', 'Connected to 1 person'],
  [[person('Ken'), person('Lea')], 'good', 'Connected to 2 people'],
  [[person('Ken', { state: 'connecting' }), person('Lea')], 'busy', 'Connecting to Ken…'],
  [[person('', { state: 'connecting' }), person('Lea')], 'busy', 'Connecting to Guest…'],
  [
    ['Ken', 'Lea', 'Tom'].map((name) => person(name, { state: 'connecting' })),
    'busy',
    'Connecting to Ken, Lea, and Tom…',
  ],
  // Who they are is known when one is connected to them.
  [['', 'Lea', ''].map((name) => person(name, { state: 'connecting' })), 'busy', 'Connecting to 3 people…'],
  [
    ['Ken', 'Lea', 'Tom', 'Yuki'].map((name) => person(name, { state: 'reconnecting' })),
    'busy',
    'Connection to 4 people lost. Reconnecting…',
  ],
  [
    [person('Ken', { state: 'reconnecting' }), person('Lea', { state: 'connecting' })],
    'busy',
    'Connection to Ken lost. Reconnecting…',
  ],
  [[person('', { state: 'interrupted' })], 'busy', 'Guest: server connection lost. The call goes on.'],
  [
    [person('Ken', { state: 'failed' }), person('Lea', { state: 'reconnecting' })],
    'bad',
    'No connection to Ken. It is tried again every minute.',
  ],
] as const)('with %j: %s, %s', (others, tone, text) => {
  expect(inRoom(CONNECTED, ...others)).toEqual({ tone, text });
});

test('the server comes first, and what goes on without it is said too', () => {
  const waiting: SignalingState = { status: 'waiting', attempt: 1, retryAt: 5000, reason: 'x' };
  expect(inRoom(waiting, person('Ken'), person('Lea', { state: 'reconnecting' }))).toEqual({
    tone: 'bad',
    text: 'Server connection lost. Reconnecting… The call goes on.',
    retryAt: 5000,
  });
  expect(inRoom(waiting).text).toBe('Server connection lost. Reconnecting…');
  // The same words while it is tried: a screen reader says them once.
  expect(inRoom({ status: 'connecting', attempt: 2 })).toEqual({
    tone: 'bad',
    text: 'Server connection lost. Reconnecting…',
  });
  expect(inRoom({ status: 'offline', attempt: 1 })).toEqual({
    tone: 'bad',
    text: 'No network. Reconnecting when it is back.',
  });
  expect(inRoom({ status: 'closed', attempt: 0 }).text).toBe('Disconnected');
});

test('why somebody is not reached is said, and a pair in trouble is not called connected', () => {
  expect(inRoom(CONNECTED, person('Ken', { state: 'failed', reason: 'TurnRefused' })).text).toBe(
    'No connection to Ken. It is tried again every minute. The relay server (TURN) refuses the password.',
  );
  const [ken, lea] = ['Ken', 'Lea'].map((name) => person(name, { state: 'connecting', reason: 'NoRoute' }));
  expect(inRoom(CONNECTED, ken as Person, lea as Person).text).toBe(
    'Connecting to Ken and Lea… No packet gets through: a firewall may block it.',
  );
  expect(inRoom(CONNECTED, person('Ken', { reason: 'TooLarge' }))).toEqual({
    tone: 'weak',
    text: 'Ken is connected in part. More is sent than the server allows: stop a camera or a screen.',
  });
});

test('a weak connection is named, the worst first, and never called good', () => {
  const qualityTo = ({ name }: Person) => (name === 'Ken' ? 'weak' : name === 'Lea' ? 'bad' : 'good');
  const read = (...others: Person[]) => statusOf(CONNECTED, [SELF, ...others], true, en, qualityTo);
  expect(read(person('Ken'), person('Tom'))).toEqual({ tone: 'weak', text: 'Weak connection to Ken' });
  expect(read(person('Ken'), person('Lea'))).toEqual({
    tone: 'bad',
    text: 'Bad connection to Lea: sound and pictures may stop',
  });
  expect(read(person('Lea', { state: 'reconnecting' })).text).toBe('Connection to Lea lost. Reconnecting…');
});

test('long names are counted, so that what is said of them is seen; one alone is named', () => {
  const maria = person('María José Fernández de la Vega Llamazar');
  const read = (...others: Person[]) => statusOf(CONNECTED, [SELF, ...others], true, en, () => 'bad').text;
  expect(read(maria, person('Ken'))).toBe('Bad connection to 2 people: sound and pictures may stop');
  expect(read(maria)).toMatch(/^Bad connection to María José/);
});

test('in Japanese', () => {
  expect(statusOf(CONNECTED, [SELF, person('Ken')], true, ja).text).toBe('1 人と接続済み');
  const others = [person('Ken', { state: 'connecting' }), person('Lea', { state: 'connecting' })];
  expect(statusOf(CONNECTED, [SELF, ...others], true, ja).text).toBe('Ken、Leaに接続しています…');
});
