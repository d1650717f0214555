import { expect, test } from '@jest/globals';
import type { InboundSummary, PeerSummary } from '../../../src/client/index.ts';
import { compare } from '../../../web/call/statistics.ts';

const video = (packets: number, lost = 0): InboundSummary => ({ kind: 'video', packets, lost });
const summary = (more: Partial<PeerSummary> = {}): PeerSummary => ({
  rttMs: 20,
  bytesSent: 1000,
  bytesReceived: 2000,
  inbound: [],
  ...more,
});
const first = (more?: Partial<PeerSummary>) => compare(summary(more), undefined, 0);

test('rates are bits a second', () => {
  const read = compare(summary({ bytesSent: 1250, bytesReceived: 2500 }), first(), 2000);
  expect(read).toMatchObject({ bitrateSent: 1000, bitrateReceived: 2000, quality: 'good' });
  expect(first()).not.toHaveProperty('bitrateSent');
});

test('one slow reading is no weak connection, two are', () => {
  const slow = compare(summary({ rttMs: 5932 }), first(), 2000);
  expect(slow.quality).toBe('good');
  expect(compare(summary({ rttMs: 13_698 }), slow, 2000).quality).toBe('bad');
});

test('loss is that since the reading before', () => {
  const before = first({ inbound: [video(1000, 900)] });
  expect(compare(summary({ inbound: [video(1090, 910)] }), before, 2000).lossRate).toBeCloseTo(0.1);
  expect(compare(summary({ inbound: [video(1090, 900)] }), before, 2000).lossRate).toBe(0);
});

test('a camera that is on and sends nothing is frozen, one that is off is not', () => {
  const still = { inbound: [video(100)] };
  let read = first(still);
  for (let i = 0; i < 5; i++) read = compare(summary(still), read, 2000, true);
  expect(read).toMatchObject({ frozenMs: 10_000, quality: 'weak' });
  expect(compare(summary(still), read, 2000, true).quality).toBe('bad');
  expect(compare(summary({ inbound: [video(101)] }), read, 2000, true).frozenMs).toBe(0);
  expect(compare(summary(still), read, 2000, false).frozenMs).toBe(0);
});
