import { describe, expect, test } from '@jest/globals';
import type { Dialect } from '../../src/protocol/client.ts';
import { type Listener, receive } from '../../src/socket/receiver.ts';

const ID = '9b2f6c1e-3d4a-4f5b-8c6d-7e8f9a0b1c2d';

/** Receives one frame; returns all that the listener was told, when the frame arrived included. */
function toldAt(frame: string, isReading = true, dialect: Dialect = 'base'): unknown[][] {
  const calls: unknown[][] = [];
  const listener: Listener = {
    isReading,
    dialect,
    message: (...args) => calls.push(['message', ...args]),
    invalid: (...args) => calls.push(['invalid', ...args]),
    unread: (...args) => calls.push(['unread', ...args]),
  };
  receive(Buffer.from(frame), listener);
  return calls;
}

const told = (frame: string, isReading?: boolean, dialect?: Dialect) =>
  toldAt(frame, isReading, dialect).map((call) => call.slice(0, -1));

describe('a frame', () => {
  test('that is a message is told as such', () => {
    const offer = { type: 'Offer', to: ID, sdp: 'v=0 ü 💐' };
    expect(told(JSON.stringify(offer))).toEqual([['message', offer]]);
  });

  test('is read as UTF-8 and validated: ids come in small letters', () => {
    expect(told(JSON.stringify({ type: 'JoinRoom', room_id: ID.toUpperCase() }))).toEqual([
      ['message', { type: 'JoinRoom', room_id: ID }],
    ]);
  });

  test.each(['', 'x', '[]', '{}', '{"type":"Hullo"}', '{"type":"JoinRoom","room_id":"x"}'])(
    'that is none is told as invalid, once, with a reason: %j',
    (text) => expect(told(text)).toEqual([['invalid', expect.stringMatching(/^[A-Z].+/)]]),
  );

  test.each(['base', 'session'] as const)('is read in the dialect the listener speaks now: %s', (dialect) => {
    const join = { type: 'JoinRoom', room_id: ID, create_if_missing: true };
    expect(told(JSON.stringify(join), true, dialect)).toEqual([
      dialect === 'session'
        ? ['message', join]
        : ['invalid', expect.stringMatching(/^JoinRoom\.create_if_missing: /)],
    ]);
  });

  test.each(['base', 'session'] as const)('that says Hello is a message in either dialect: %s', (dialect) => {
    expect(told('{"type":"Hello"}', true, dialect)).toEqual([['message', { type: 'Hello' }]]);
  });

  test.each([true, false])('that was read is told from one that was not: %s', (isReading) => {
    const ignore = () => {};
    const listener = {
      isReading,
      dialect: 'base',
      message: ignore,
      invalid: ignore,
      unread: ignore,
    } as const;
    const frames = ['{"type":"CreateRoom"}', 'x'].map((text) => Buffer.from(text));
    expect(frames.map((frame) => receive(frame, listener))).toEqual([isReading, isReading]);
  });

  test.each(['{"type":"CreateRoom"}', 'x'])('is not even looked at while nothing is read: %j', (text) => {
    expect(told(text, false)).toEqual([['unread']]);
  });

  test.each([
    ['{"type":"CreateRoom"}', true],
    ['x', true],
    ['x', false],
  ])('is told with the monotonic time it arrived at: %j', (text, isReading) => {
    const before = performance.now();
    const at = toldAt(text, isReading)[0]!.at(-1) as number;
    expect(at).toBeGreaterThanOrEqual(before);
    expect(at).toBeLessThanOrEqual(performance.now());
  });
});
