import { assign, fromCallback, fromPromise, setup } from 'xstate';
import { type RoomId, type RoomState, SignalingError } from '../../src/client/index.ts';
import type { Call, Entrance } from './call.ts';
import type { KeptCall } from './kept.ts';
import { type Notice, noticeOf } from './notice.ts';

/** Where the user is: at the entrance, on the way in, in the room. Call does the work. */

/** Where the link leads: undefined is the start page. */
export interface Destination {
  readonly roomId: RoomId | undefined;
  /** The link has a fragment that is not a room id. */
  readonly isBad: boolean;
}

/** Makes a call; `kept` is the state of the same call before a reload, or in another tab. */
export type MakeCall = (kept?: KeptCall) => Call;

export interface CallInput extends Destination {
  readonly makeCall: MakeCall;
}

export interface CallContext {
  readonly makeCall: MakeCall;
  readonly roomId: RoomId | undefined;
  readonly notice: Notice | undefined;
  readonly entrance: Entrance;
  readonly call: Call | undefined;
  /** The user was in this call a moment ago, and comes back without being asked. */
  readonly isReturning: boolean;
  /** Where to go when the user confirms that they leave. */
  readonly destination: Destination | undefined;
}

export type CallEvent =
  | { readonly type: 'enter'; readonly entrance: Entrance; readonly kept?: KeptCall }
  | { readonly type: 'leave' }
  /** The answer to "Leave the call?" is no. */
  | { readonly type: 'stay' }
  /** Another tab of this browser goes on with the call. */
  | { readonly type: 'move' }
  /** The link has changed: in the address bar, or by the browser's Back. */
  | ({ readonly type: 'navigate' } & Destination)
  /** The room is over, and we have not left it. */
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
    begin: assign(({ context }, { entrance, kept }: { entrance: Entrance; kept: KeptCall | undefined }) => ({
      entrance,
      notice: undefined,
      call: context.makeCall(kept),
      isReturning: kept !== undefined,
      destination: undefined,
    })),
    end: assign(({ context }) => {
      context.call?.end();
      return { call: undefined, isReturning: false };
    }),
    stopCapturing: ({ context }) => context.call?.stopCapturing(),
    arrive: assign((_, { roomId }: RoomState) => ({ roomId, notice: undefined, isReturning: false })),
    head: assign((_, { roomId, isBad }: Destination) => ({
      roomId,
      notice: isBad ? ('badLink' as const) : undefined,
    })),
    tell: assign((_, { notice }: { notice: Notice | undefined }) => ({ notice })),
    keepLink: assign(({ context: { entrance, roomId } }) => ({
      roomId: entrance.type === 'join' ? entrance.roomId : roomId,
    })),
    aim: assign((_, { roomId, isBad }: Destination) => ({ destination: { roomId, isBad } })),
    forgetAim: assign({ destination: undefined }),
  },
  guards: {
    isThere: ({ context }, { roomId, isBad }: Destination) => !isBad && roomId === context.roomId,
    isFull: ({ context }, { error }: { error: unknown }) =>
      context.entrance.type === 'join' && error instanceof SignalingError && error.code === 'RoomFull',
    isOtherRoom: ({ context: { destination, roomId } }) =>
      destination?.roomId !== undefined && destination.roomId !== roomId,
  },
  delays: { fullRetry: 5_000 },
}).createMachine({
  id: 'call',
  context: ({ input: { makeCall, roomId, isBad } }) => ({
    makeCall,
    roomId,
    notice: isBad ? 'badLink' : undefined,
    entrance: { type: 'create' },
    call: undefined,
    isReturning: false,
    destination: undefined,
  }),
  initial: 'lobby',
  states: {
    lobby: {
      description: 'At the entrance: devices, a name, a room to create or to join.',
      on: {
        enter: {
          target: 'call',
          actions: {
            type: 'begin',
            params: ({ event: { entrance, kept } }) => ({ entrance, kept }),
          },
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
            onError: [
              {
                guard: { type: 'isFull', params: ({ event: { error } }) => ({ error }) },
                target: 'full',
                actions: ['keepLink', { type: 'tell', params: { notice: 'roomFull' } }],
              },
              {
                target: '#call.lobby',
                actions: [
                  'keepLink',
                  { type: 'tell', params: ({ event }) => ({ notice: noticeOf(event.error) }) },
                ],
              },
            ],
          },
          on: { leave: { target: '#call.lobby', actions: { type: 'tell', params: { notice: undefined } } } },
        },
        full: {
          description: 'Every place in the room is taken. The server is asked again after a while.',
          after: { fullRetry: 'entering' },
          on: { leave: { target: '#call.lobby', actions: { type: 'tell', params: { notice: undefined } } } },
        },
        inRoom: {
          description: 'Among others, or the first to be there.',
          exit: 'stopCapturing',
          invoke: { src: 'watch', input: ({ context }) => context.call as Call },
          initial: 'talking',
          states: {
            talking: { description: 'The call goes on.' },
            asked: {
              description:
                'The call goes on. The user pressed Back, or changed the link, and is asked whether to leave.',
              on: { stay: { target: 'talking', actions: 'forgetAim' } },
            },
          },
          on: {
            leave: [
              {
                guard: 'isOtherRoom',
                target: '#call.lobby',
                actions: {
                  type: 'head',
                  params: ({ context }) => context.destination as Destination,
                },
              },
              { target: '#call.lobby', actions: { type: 'tell', params: { notice: 'left' } } },
            ],
            move: { target: '#call.lobby', actions: { type: 'tell', params: { notice: 'moved' } } },
            ended: {
              target: '#call.lobby',
              actions: { type: 'tell', params: ({ event }) => ({ notice: noticeOf(event.error) }) },
            },
            navigate: [
              { guard: { type: 'isThere', params: ({ event }) => event } },
              { target: '.asked', actions: { type: 'aim', params: ({ event }) => event } },
            ],
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
