import { assign, emit, setup } from 'xstate';
import type { RoomId } from '../src/protocol/server.ts';

/**
 * Decides which rooms live: it opens them up to a limit, lets a failed one go on until it fails too often,
 * and forgets those that are over. It does nothing itself: it emits decisions, and src/supervisor.ts carries
 * them out. The rooms are not its XState children: a spawn among n children copies n (docs/adr/001).
 */

export interface SupervisorInput {
  /** Rooms at most, idle ones included. */
  readonly maxRooms: number;
  /** Failures within `failureWindowMs` at which a room is closed. */
  readonly maxFailures: number;
  /** Milliseconds. */
  readonly failureWindowMs: number;
}

export interface SupervisorContext extends SupervisorInput {
  /** Rooms alive. */
  readonly rooms: number;
  /** Recent failures, for rooms that have any: when each was, in monotonic milliseconds. */
  readonly failures: ReadonlyMap<RoomId, readonly number[]>;
}

export type SupervisorEvent =
  | { readonly type: 'room.wanted'; readonly room_id: RoomId }
  | { readonly type: 'room.failed'; readonly room_id: RoomId; readonly at: number }
  | { readonly type: 'room.ended'; readonly room_id: RoomId }
  | { readonly type: 'stop' };

export type SupervisorDecision =
  | { readonly type: 'open'; readonly room_id: RoomId }
  | { readonly type: 'restart'; readonly room_id: RoomId }
  | { readonly type: 'close'; readonly room_id: RoomId }
  | { readonly type: 'forget'; readonly room_id: RoomId };

interface Room {
  room_id: RoomId;
}

export const supervisorMachine = setup({
  types: {
    input: {} as SupervisorInput,
    context: {} as SupervisorContext,
    events: {} as SupervisorEvent,
    emitted: {} as SupervisorDecision,
  },
  actions: {
    countOpened: assign({ rooms: ({ context }) => context.rooms + 1 }),
    countEnded: assign({ rooms: ({ context }) => context.rooms - 1 }),
    noteFailure: assign({
      failures: ({ context }, { room_id, at }: Room & { at: number }) =>
        new Map(context.failures).set(room_id, [...recent(context, room_id, at), at]),
    }),
    forgetFailures: assign({
      failures: ({ context }, { room_id }: Room) => {
        if (!context.failures.has(room_id)) return context.failures;
        const failures = new Map(context.failures);
        failures.delete(room_id);
        return failures;
      },
    }),
    open: emit((_, { room_id }: Room) => ({ type: 'open', room_id })),
    restart: emit((_, { room_id }: Room) => ({ type: 'restart', room_id })),
    close: emit((_, { room_id }: Room) => ({ type: 'close', room_id })),
    forget: emit((_, { room_id }: Room) => ({ type: 'forget', room_id })),
  },
  guards: {
    isLastPlace: ({ context }) => context.rooms + 1 >= context.maxRooms,
    failsTooOften: ({ context }, { room_id, at }: Room & { at: number }) =>
      recent(context, room_id, at).length + 1 >= context.maxFailures,
  },
}).createMachine({
  id: 'supervisor',
  context: ({ input }) => ({ ...input, rooms: 0, failures: new Map() }),
  initial: 'accepting',
  states: {
    accepting: {
      description: 'Below the room limit: opens every room asked for.',
      on: {
        'room.wanted': [
          {
            guard: 'isLastPlace',
            target: 'full',
            actions: ['countOpened', { type: 'open', params: ({ event }) => event }],
          },
          { actions: ['countOpened', { type: 'open', params: ({ event }) => event }] },
        ],
        'room.ended': {
          actions: [
            'countEnded',
            { type: 'forgetFailures', params: ({ event }) => event },
            { type: 'forget', params: ({ event }) => event },
          ],
        },
      },
    },
    full: {
      description: 'At the room limit: opens none until one is over.',
      on: {
        'room.ended': {
          target: 'accepting',
          actions: [
            'countEnded',
            { type: 'forgetFailures', params: ({ event }) => event },
            { type: 'forget', params: ({ event }) => event },
          ],
        },
      },
    },
    stopped: {
      description: 'The server is stopping: opens no room.',
      on: {
        'room.ended': { actions: ['countEnded', { type: 'forget', params: ({ event }) => event }] },
      },
    },
  },
  on: {
    'room.failed': [
      {
        guard: { type: 'failsTooOften', params: ({ event }) => event },
        actions: [
          { type: 'forgetFailures', params: ({ event }) => event },
          { type: 'close', params: ({ event }) => event },
        ],
      },
      {
        actions: [
          { type: 'noteFailure', params: ({ event }) => event },
          { type: 'restart', params: ({ event }) => event },
        ],
      },
    ],
    stop: { target: '.stopped' },
  },
});

function recent({ failures, failureWindowMs }: SupervisorContext, room_id: RoomId, at: number) {
  return (failures.get(room_id) ?? []).filter((failedAt) => failedAt > at - failureWindowMs);
}
