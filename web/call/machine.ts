import { assign, fromCallback, fromPromise, setup } from 'xstate';
import type { RoomId, RoomState } from '../../src/client/index.ts';
import type { Call, Entrance } from './call.ts';
import { type Notice, noticeOf } from './notice.ts';

/** Where somebody stands: at the entrance, on the way in, in the room. Call does what there is to do. */

/** Where the link leads: undefined is the start page. */
export interface Destination {
  readonly roomId: RoomId | undefined;
  /** The link has something in the place of the room id that is none. */
  readonly isBad: boolean;
}

export interface CallInput extends Destination {
  readonly makeCall: () => Call;
}

export interface CallContext {
  readonly makeCall: () => Call;
  readonly roomId: RoomId | undefined;
  readonly notice: Notice | undefined;
  readonly entrance: Entrance;
  readonly call: Call | undefined;
}

export type CallEvent =
  | { readonly type: 'enter'; readonly entrance: Entrance }
  | { readonly type: 'leave' }
  /** The link has changed: in the address bar, or by the browser's Back. */
  | ({ readonly type: 'navigate' } & Destination)
  /** The room is over without our leaving it. */
  | { readonly type: 'ended'; readonly error: unknown };

interface Entering {
  readonly call: Call;
  readonly entrance: Entrance;
}

export const callMachine = setup({
  types: { input: {} as CallInput, context: {} as CallContext, events: {} as CallEvent },
  actors: {
    enter: fromPromise<RoomState, Entering>(({ input, signal }) => input.call.enter(input.entrance, signal)),
    watch: fromCallback<CallEvent, Call>(({ input, sendBack }) =>
      input.onEnded((error) => sendBack({ type: 'ended', error })),
    ),
  },
  actions: {
    begin: assign(({ context }, { entrance }: { entrance: Entrance }) => ({
      entrance,
      notice: undefined,
      call: context.makeCall(),
    })),
    end: assign(({ context }) => {
      context.call?.end();
      return { call: undefined };
    }),
    stopCapturing: ({ context }) => context.call?.stopCapturing(),
    arrive: assign((_, { roomId }: RoomState) => ({ roomId })),
    head: assign((_, { roomId, isBad }: Destination) => ({
      roomId,
      notice: isBad ? ('badLink' as const) : undefined,
    })),
    tell: assign((_, { notice }: { notice: Notice }) => ({ notice })),
    keepLink: assign(({ context: { entrance, roomId } }) => ({
      roomId: entrance.type === 'join' ? entrance.roomId : roomId,
    })),
  },
  guards: {
    isThere: ({ context }, { roomId, isBad }: Destination) => !isBad && roomId === context.roomId,
  },
}).createMachine({
  id: 'call',
  context: ({ input: { makeCall, roomId, isBad } }) => ({
    makeCall,
    roomId,
    notice: isBad ? 'badLink' : undefined,
    entrance: { type: 'create' },
    call: undefined,
  }),
  initial: 'lobby',
  states: {
    lobby: {
      description: 'At the entrance: devices, a name, a room to create or to join.',
      on: {
        enter: {
          target: 'call',
          actions: { type: 'begin', params: ({ event: { entrance } }) => ({ entrance }) },
        },
      },
    },
    call: {
      description: 'There is a connection to the server, or it is being made.',
      exit: 'end',
      initial: 'entering',
      states: {
        entering: {
          description: 'Asks the server for the room.',
          invoke: {
            src: 'enter',
            input: ({ context: { call, entrance } }) => ({ call: call as Call, entrance }),
            onDone: { target: 'inRoom', actions: { type: 'arrive', params: ({ event }) => event.output } },
            onError: {
              target: '#call.lobby',
              actions: [
                'keepLink',
                { type: 'tell', params: ({ event }) => ({ notice: noticeOf(event.error) }) },
              ],
            },
          },
          on: { leave: { target: '#call.lobby' } },
        },
        inRoom: {
          description: 'Among others, or the first to be there.',
          exit: 'stopCapturing',
          invoke: { src: 'watch', input: ({ context }) => context.call as Call },
          on: {
            leave: { target: '#call.lobby', actions: { type: 'tell', params: { notice: 'left' } } },
            ended: {
              target: '#call.lobby',
              actions: { type: 'tell', params: ({ event }) => ({ notice: noticeOf(event.error) }) },
            },
          },
        },
      },
    },
  },
  on: {
    navigate: [
      { guard: { type: 'isThere', params: ({ event }) => event } },
      { target: '.lobby', actions: { type: 'head', params: ({ event }) => event } },
    ],
  },
});
