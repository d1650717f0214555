import type { SeatEvent } from '../../../src/client/machines/seat.ts';
import type { SignalingEvent } from '../../../src/client/machines/signaling.ts';

/** Every event of the client's charts, with what can make a difference in it. */

export const ROOM = '4b3f6f5e-9d0c-4e7b-8a55-0c1d7ce0a001';
export const OTHER = '4b3f6f5e-9d0c-4e7b-8a55-0c1d7ce0a002';
const participants = (roomId: string): SeatEvent => ({
  type: 'participants',
  room: { roomId, participants: ['a', 'b'] },
});

export const SEAT_EVENTS: readonly SeatEvent[] = [
  { type: 'enter', request: {} },
  { type: 'enter', request: { roomId: ROOM } },
  { type: 'enter', request: { roomId: OTHER, createIfMissing: true } },
  { type: 'leave' },
  { type: 'sent' },
  { type: 'withdrawn' },
  { type: 'unwanted' },
  { type: 'admitted' },
  participants(ROOM),
  participants(OTHER),
  { type: 'refused', code: 'RoomFull', message: 'full' },
  { type: 'refused', code: 'Internal', message: 'failed' },
  { type: 'troubled', code: 'Internal', message: 'closed' },
  { type: 'foundInside' },
  { type: 'foundOutside' },
  { type: 'resumed', lost: false },
  { type: 'resumed', lost: true },
  { type: 'restarted' },
  { type: 'closed' },
];

const loss = { reason: 'gone', afterMs: 0 } as const;
export const SIGNALING_EVENTS: readonly SignalingEvent[] = [
  { type: 'connect' },
  { type: 'abandon' },
  { type: 'close' },
  { type: 'ready', heartbeatMs: 15_000 },
  { type: 'heard' },
  { type: 'opened' },
  { type: 'lost', ...loss },
  { type: 'lost', reason: 'later', code: 4429, afterMs: 60_000 },
  { type: 'lost', reason: 'never', code: 4409, afterMs: false },
  { type: 'lost', reason: 'restart', code: 1012, afterMs: 0, withinMs: 5000 },
  { type: 'failed', ...loss },
  { type: 'draining', jitterMs: 5000 },
  { type: 'online' },
  { type: 'offline' },
  { type: 'wake' },
];
