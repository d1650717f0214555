import { expect, test } from '@jest/globals';
import { parseTranscript } from '../../src/conformance/transcript.ts';

const read = (line: string) => {
  const [step, ...others] = parseTranscript(line);
  expect(others).toEqual([]);
  const { line: written, ...rest } = step as NonNullable<typeof step>;
  expect(written).toBe(line.trim());
  return rest;
};

test.each([
  ['Alice → {"type":"LeaveRoom"}', { kind: 'send', who: 'Alice', text: '{"type":"LeaveRoom"}', times: 1 }],
  ['Bob   → hello, world', { kind: 'send', who: 'Bob', text: 'hello, world', times: 1 }],
  ['Bob →', { kind: 'send', who: 'Bob', text: '', times: 1 }],
  ['  Bob → x → y ×3', { kind: 'send', who: 'Bob', text: 'x → y', times: 3 }],
])('%s sends that text', (line, step) => expect(read(line)).toEqual({ ...step, atOnce: false }));

test('so many at once', () => {
  expect(read('P1 → x ×21 at once')).toEqual({
    kind: 'send',
    who: 'P1',
    text: 'x',
    times: 21,
    atOnce: true,
  });
});

test.each([
  ['Bob ← {"a": "close 1003"}', { kind: 'hear', who: 'Bob', message: { a: 'close 1003' }, times: 1 }],
  ['Bob ← {"a":1} ×2', { kind: 'hear', who: 'Bob', message: { a: 1 }, times: 2 }],
  ['Bob ← nothing', { kind: 'hearNothing', who: 'Bob' }],
  ['Bob ← whatever', { kind: 'hearWhatever', who: 'Bob' }],
  ['Bob ← close 1003', { kind: 'beClosed', who: 'Bob', code: 1003 }],
  ['Bob closes', { kind: 'close', who: 'Bob', code: undefined }],
  ['Bob closes with 1000', { kind: 'close', who: 'Bob', code: 1000 }],
  ['Bob breaks off', { kind: 'breakOff', who: 'Bob' }],
  ['Bob connects', { kind: 'connect', who: 'Bob' }],
  ['Bob sends a binary frame', { kind: 'sendBinary', who: 'Bob' }],
  ['Bob sends text that is not UTF-8', { kind: 'sendBrokenText', who: 'Bob' }],
  ['wait 100 ms', { kind: 'wait', ms: 100 }],
  ['GET /x ← 404', { kind: 'request', path: '/x', status: 404, header: undefined }],
  [
    'GET /ws ← 426 Upgrade: websocket',
    { kind: 'request', path: '/ws', status: 426, header: ['Upgrade', 'websocket'] },
  ],
  ['UPGRADE /x ← 404', { kind: 'upgrade', path: '/x', status: 404, header: undefined }],
])('%s', (line, step) => expect(read(line)).toEqual(step));

test.each([
  'Bob',
  'Bob says hello',
  'Bob sends his love',
  'Bob breaks off with 1000',
  'Bob ← hello',
  'wait a moment',
  'GET /x',
])('%s is no step', (line) => expect(() => parseTranscript(`Alice connects\n${line}`)).toThrow(line));

test('lines make steps; empty ones do not', () => {
  expect(parseTranscript('\n  Alice connects\n\n Bob connects \n').map(({ line }) => line)).toEqual([
    'Alice connects',
    'Bob connects',
  ]);
});
