import { assign, emit, setup } from 'xstate';
import type { RelayRequest } from '../src/protocol/client.ts';
import type { ErrorCode } from '../src/protocol/codes.ts';
import type { ParticipantId, Relayed, RoomId, ServerMessage } from '../src/protocol/server.ts';

/**
 * One room: who is in it, who may signal whom, and when it is over. Every join, leave and relay passes
 * through this machine one at a time, so all members see the same order of events. It does nothing itself:
 * it emits decisions, and src/room.ts carries them out.
 */

export interface RoomInput {
  readonly room_id: RoomId;
  /** Participants at most; at least 1. */
  readonly capacity: number;
  /** How long an empty room lives, in milliseconds. */
  readonly idleTimeoutMs: number;
}

export interface RoomContext extends RoomInput {
  /** In join order, each once, never more than `capacity`; interrupted ones included. */
  readonly members: readonly ParticipantId[];
  /** Those of the members that hear PeerInterrupted and PeerResumed: Hello sessions. */
  readonly sessions: readonly ParticipantId[];
}

export type RoomEvent =
  | { readonly type: 'create'; readonly participant_id: ParticipantId; readonly isSession: boolean }
  | { readonly type: 'join'; readonly participant_id: ParticipantId; readonly isSession: boolean }
  | { readonly type: 'interrupt'; readonly participant_id: ParticipantId }
  | { readonly type: 'resume'; readonly participant_id: ParticipantId; readonly lost: boolean }
  | { readonly type: 'leave'; readonly participant_id: ParticipantId }
  | { readonly type: 'relay'; readonly from: ParticipantId; readonly message: RelayRequest };

/** `admit` and `deny` answer who asked to come in; `refuse` answers who asked for a relay. */
export type RoomDecision =
  | { readonly type: 'admit'; readonly participant_id: ParticipantId }
  | { readonly type: 'deny'; readonly to: ParticipantId; readonly code: ErrorCode; readonly message: string }
  | {
      readonly type: 'refuse';
      readonly to: ParticipantId;
      readonly code: ErrorCode;
      readonly message: string;
      readonly requestId?: string | undefined;
    }
  | { readonly type: 'unicast'; readonly to: ParticipantId; readonly message: ServerMessage }
  | { readonly type: 'broadcast'; readonly to: readonly ParticipantId[]; readonly message: ServerMessage }
  | { readonly type: 'release'; readonly participant_id: ParticipantId }
  | { readonly type: 'expired' };

interface Participant {
  participant_id: ParticipantId;
}

interface Newcomer extends Participant {
  isSession: boolean;
}

interface Refusal {
  to: ParticipantId;
  code: ErrorCode;
  message: string;
  requestId?: string | undefined;
}

/** What the addressee is sent: the payload as it came. */
function relayed(message: RelayRequest, from: ParticipantId): Relayed {
  if ('sdp' in message) return { type: message.type, from, sdp: message.sdp };
  const { type, to: _to, request_id: _, ...candidate } = message;
  return { type, from, ...candidate };
}

export const roomMachine = setup({
  types: {
    input: {} as RoomInput,
    context: {} as RoomContext,
    events: {} as RoomEvent,
    emitted: {} as RoomDecision,
  },
  actions: {
    addMember: assign(({ context }, { participant_id, isSession }: Newcomer) => ({
      members: [...context.members, participant_id],
      sessions: isSession ? [...context.sessions, participant_id] : context.sessions,
    })),
    removeMember: assign(({ context }, { participant_id }: Participant) => ({
      members: context.members.filter((member) => member !== participant_id),
      sessions: context.sessions.filter((member) => member !== participant_id),
    })),
    admit: emit((_, { participant_id }: Participant) => ({ type: 'admit', participant_id })),
    release: emit((_, { participant_id }: Participant) => ({ type: 'release', participant_id })),
    tellCreated: emit(({ context: { room_id } }, { participant_id }: Participant) => ({
      type: 'unicast',
      to: participant_id,
      message: { type: 'RoomCreated', room_id, self_id: participant_id },
    })),
    tellConnected: emit(({ context: { members } }, { participant_id }: Participant) => ({
      type: 'broadcast',
      to: members,
      message: { type: 'PeerConnected', participant_id },
    })),
    tellDisconnected: emit(({ context: { members } }, { participant_id }: Participant) => ({
      type: 'broadcast',
      to: members,
      message: { type: 'PeerDisconnected', participant_id },
    })),
    tellParticipants: emit(({ context: { room_id, members } }) => ({
      type: 'broadcast',
      to: members,
      message: { type: 'RoomParticipants', room_id, participants: members },
    })),
    tellInterrupted: emit(({ context: { sessions } }, { participant_id }: Participant) => ({
      type: 'broadcast',
      to: sessions.filter((member) => member !== participant_id),
      message: { type: 'PeerInterrupted', participant_id },
    })),
    tellResumed: emit(({ context: { sessions } }, { participant_id }: Participant) => ({
      type: 'broadcast',
      to: sessions.filter((member) => member !== participant_id),
      message: { type: 'PeerResumed', participant_id },
    })),
    remindParticipants: emit(({ context: { room_id, members } }, { participant_id }: Participant) => ({
      type: 'unicast',
      to: participant_id,
      message: { type: 'RoomParticipants', room_id, participants: members },
    })),
    forward: emit((_, { from, message }: { from: ParticipantId; message: RelayRequest }) => ({
      type: 'unicast',
      to: message.to,
      message: relayed(message, from),
    })),
    confirm: emit((_, { from, message }: { from: ParticipantId; message: RelayRequest }) => ({
      type: 'unicast',
      to: from,
      message: { type: 'Done', request_id: message.request_id as string },
    })),
    deny: emit((_, params: Refusal) => ({ type: 'deny', ...params })),
    refuse: emit((_, params: Refusal) => ({ type: 'refuse', ...params })),
    tellExpired: emit({ type: 'expired' }),
  },
  guards: {
    isFull: ({ context }) => context.members.length >= context.capacity,
    isMember: ({ context }, { participant_id }: Participant) => context.members.includes(participant_id),
    missedSomething: ({ context }, { participant_id, lost }: Participant & { lost: boolean }) =>
      lost && context.members.includes(participant_id),
    isLastMember: ({ context }, { participant_id }: Participant) =>
      context.members.length === 1 && context.members[0] === participant_id,
    areMembers: ({ context }, { from, to }: { from: ParticipantId; to: ParticipantId }) =>
      context.members.includes(from) && context.members.includes(to),
    /** The same, of a relay that its sender wants confirmed. */
    areMembersAndAsked: ({ context }, { from, message }: { from: ParticipantId; message: RelayRequest }) =>
      message.request_id !== undefined &&
      context.members.includes(from) &&
      context.members.includes(message.to),
  },
  delays: {
    idleTimeout: ({ context }) => context.idleTimeoutMs,
  },
}).createMachine({
  id: 'room',
  context: ({ input }) => ({ ...input, members: [], sessions: [] }),
  initial: 'idle',
  states: {
    idle: {
      description: 'Nobody is in the room; it expires after the idle timeout.',
      after: { idleTimeout: { target: 'expired' } },
      on: {
        create: {
          target: 'occupied',
          actions: [
            { type: 'addMember', params: ({ event }) => event },
            { type: 'admit', params: ({ event }) => event },
            { type: 'tellCreated', params: ({ event }) => event },
            'tellParticipants',
          ],
        },
        join: {
          target: 'occupied',
          actions: [
            { type: 'addMember', params: ({ event }) => event },
            { type: 'admit', params: ({ event }) => event },
            { type: 'tellConnected', params: ({ event }) => event },
            'tellParticipants',
          ],
        },
      },
    },
    occupied: {
      description: 'One member or more, interrupted ones included; lives however quiet it is.',
      on: {
        relay: [
          {
            guard: { type: 'areMembersAndAsked', params: ({ event }) => event },
            actions: [
              { type: 'forward', params: ({ event }) => event },
              { type: 'confirm', params: ({ event }) => event },
            ],
          },
          {
            guard: {
              type: 'areMembers',
              params: ({ event }) => ({ from: event.from, to: event.message.to }),
            },
            actions: { type: 'forward', params: ({ event }) => event },
          },
          {
            guard: { type: 'isMember', params: ({ event }) => ({ participant_id: event.from }) },
            actions: {
              type: 'refuse',
              params: ({ event }) => ({
                to: event.from,
                code: 'ParticipantNotFound',
                message: `${event.message.type}: no participant ${event.message.to} in this room.`,
                requestId: event.message.request_id,
              }),
            },
          },
        ],
        join: [
          { guard: { type: 'isMember', params: ({ event }) => event } },
          {
            guard: 'isFull',
            actions: {
              type: 'deny',
              params: ({ context, event }) => ({
                to: event.participant_id,
                code: 'RoomFull',
                message: `The room has its ${context.capacity} participants; try later.`,
              }),
            },
          },
          {
            actions: [
              { type: 'addMember', params: ({ event }) => event },
              { type: 'admit', params: ({ event }) => event },
              { type: 'tellConnected', params: ({ event }) => event },
              'tellParticipants',
            ],
          },
        ],
        interrupt: {
          guard: { type: 'isMember', params: ({ event }) => event },
          actions: { type: 'tellInterrupted', params: ({ event }) => event },
        },
        resume: [
          {
            guard: { type: 'missedSomething', params: ({ event }) => event },
            actions: [
              { type: 'remindParticipants', params: ({ event }) => event },
              { type: 'tellResumed', params: ({ event }) => event },
            ],
          },
          {
            guard: { type: 'isMember', params: ({ event }) => event },
            actions: { type: 'tellResumed', params: ({ event }) => event },
          },
        ],
        leave: [
          {
            guard: { type: 'isLastMember', params: ({ event }) => event },
            target: 'idle',
            actions: [
              { type: 'removeMember', params: ({ event }) => event },
              { type: 'release', params: ({ event }) => event },
            ],
          },
          {
            guard: { type: 'isMember', params: ({ event }) => event },
            actions: [
              { type: 'removeMember', params: ({ event }) => event },
              { type: 'release', params: ({ event }) => event },
              { type: 'tellDisconnected', params: ({ event }) => event },
              'tellParticipants',
            ],
          },
        ],
      },
    },
    expired: {
      description: 'Over: nobody came in time. It never answers again.',
      type: 'final',
      entry: 'tellExpired',
    },
  },
});
