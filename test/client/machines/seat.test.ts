import { describe, expect, test } from '@jest/globals';
import { createActor } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { toXState } from '../../../scripts/xstate-chart.ts';
import { type SeatContext, type SeatEvent, seatMachine } from '../../../src/client/machines/seat.ts';
import { startDecider } from '../../support/decider.ts';
import { OTHER, ROOM, SEAT_EVENTS } from './events.ts';

/** Which room a client is in, decision by decision. */

const machine = toXState(seatMachine);

function start() {
  const decider = startDecider(machine, undefined);
  const { actor } = decider;
  return {
    ...decider,
    value: () => actor.getSnapshot().value,
    roomId: () => actor.getSnapshot().context.room?.roomId,
  };
}

const create: SeatEvent = { type: 'enter', request: {} };
const join: SeatEvent = { type: 'enter', request: { roomId: ROOM } };
const leave: SeatEvent = { type: 'leave' };
const sent: SeatEvent = { type: 'sent' };
const admitted: SeatEvent = { type: 'admitted' };
const participants = (roomId = ROOM, ...ids: string[]): SeatEvent => ({
  type: 'participants',
  room: { roomId, participants: ids },
});
const resumed: SeatEvent = { type: 'resumed', lost: false };
const lost: SeatEvent = { type: 'resumed', lost: true };
const restarted: SeatEvent = { type: 'restarted' };
const foundInside: SeatEvent = { type: 'foundInside' };
const unwanted: SeatEvent = { type: 'unwanted' };
const full: SeatEvent = { type: 'refused', code: 'RoomFull', message: 'full' };
const internal: SeatEvent = { type: 'troubled', code: 'Internal', message: 'closed' };
const foundOutside: SeatEvent = { type: 'foundOutside' };
const troubled: SeatEvent = { type: 'troubled', code: 'InvalidPayload', message: 'a relay' };

const ask = (request: object) => ({ type: 'ask', request });
const settle = { type: 'settle' };
const probe = { type: 'probe' };
const leaveAgain = { type: 'leaveAgain' };
const askLeave = { type: 'askLeave' };
const reject = (code: string, request: object | undefined) =>
  expect.objectContaining({ type: 'reject', code, request });
const report = (code: string) => expect.objectContaining({ type: 'report', code });

/** A seat in ROOM. */
function inside() {
  const seat = start();
  seat.decide(join, sent, admitted, participants());
  expect([seat.value(), seat.roomId()]).toEqual(['inside', ROOM]);
  return seat;
}

describe('a request', () => {
  test('is asked, admitted, and settled when it is known who is there', () => {
    const seat = start();
    expect(seat.decide(create)).toEqual([ask({})]);
    expect(seat.decide(sent, participants(OTHER))).toEqual([]); // of a room left before
    expect(seat.roomId()).toBeUndefined();
    expect(seat.decide(admitted)).toEqual([]);
    expect(seat.decide(participants())).toEqual([settle]);
    expect([seat.value(), seat.roomId()]).toEqual(['inside', ROOM]);
  });

  test('is rejected by an Error, and the seat is free again', () => {
    const seat = start();
    expect(seat.decide(join, sent, full)).toEqual([
      ask({ roomId: ROOM }),
      reject('RoomFull', { roomId: ROOM }),
    ]);
    expect(seat.decide(create)).toEqual([ask({})]);
  });

  test('is not refused by an Error that answers something else', () => {
    const seat = start();
    expect(seat.decide(join, sent, troubled)).toEqual([ask({ roomId: ROOM }), report('InvalidPayload')]);
    expect(seat.decide(admitted, participants())).toEqual([settle]);
  });

  test('to enter a second room is rejected without asking', () => {
    expect(inside().decide(create)).toEqual([reject('InvalidPayload', undefined)]);
  });

  test('to leave is settled when it is on its way, and at once outside', () => {
    const seat = inside();
    expect(seat.decide(leave)).toEqual([askLeave]);
    expect(seat.roomId()).toBe(ROOM);
    expect(seat.decide(sent)).toEqual([settle]);
    expect([seat.value(), seat.roomId()]).toEqual(['outside', undefined]);
    expect(seat.decide(participants())).toEqual([]);
    expect(seat.roomId()).toBeUndefined();
    expect(seat.decide(leave)).toEqual([settle]);
  });
});

describe('a request that is not wanted any more', () => {
  test('is forgotten when it was not sent', () => {
    const seat = start();
    expect(seat.decide(join, { type: 'withdrawn' })).toEqual([ask({ roomId: ROOM })]);
    expect(seat.value()).toBe('outside');
  });

  test.each([
    ['before it is let in', [unwanted, admitted, participants()]],
    ['after', [admitted, unwanted, participants()]],
  ])('is undone, when it is withdrawn %s', (_, events) => {
    const seat = start();
    seat.decide(join, sent);
    expect(seat.decide(...events)).toEqual([leaveAgain]);
    expect([seat.value(), seat.roomId()]).toEqual(['outside', undefined]);
  });

  test('to leave leaves all as it was, unless it is on its way', () => {
    const seat = inside();
    seat.decide(leave, { type: 'withdrawn' });
    expect([seat.value(), seat.roomId()]).toEqual(['inside', ROOM]);
  });
});

describe('on another socket', () => {
  test('a request that was not sent is asked anew', () => {
    const seat = start();
    expect(seat.decide(join, resumed)).toEqual([ask({ roomId: ROOM }), ask({ roomId: ROOM })]);
  });

  test('one that was sent is asked anew only when the server says that it never came', () => {
    const seat = start();
    expect(seat.decide(join, sent, resumed)).toEqual([ask({ roomId: ROOM }), probe]);
    expect(seat.decide(foundOutside)).toEqual([ask({ roomId: ROOM })]);
    expect(seat.decide(sent, admitted, participants())).toEqual([settle]);
  });

  test('the answer to one that came is among what was missed', () => {
    const seat = start();
    seat.decide(join, sent, resumed);
    expect(seat.decide(admitted, participants())).toEqual([settle]);
    expect(seat.decide(foundInside)).toEqual([]);
    expect(seat.value()).toBe('inside');
  });

  test('so is its refusal', () => {
    const seat = start();
    seat.decide(join, sent, resumed);
    expect(seat.decide(full)).toEqual([reject('RoomFull', { roomId: ROOM })]);
    expect(seat.decide(foundOutside)).toEqual([]);
    expect(seat.value()).toBe('outside');
  });

  test('an answer that is gone for good is made up for by the participants', () => {
    const seat = start();
    seat.decide(create, sent, lost);
    expect(seat.decide(participants(), foundInside)).toEqual([settle]);
    expect([seat.value(), seat.roomId()]).toEqual(['inside', ROOM]);
  });

  test('nothing is in doubt inside a room when nothing is lost', () => {
    const seat = inside();
    expect(seat.decide(resumed)).toEqual([]);
    expect(seat.value()).toBe('inside');
  });

  test('who is there is refreshed when something is', () => {
    const seat = inside();
    expect(seat.decide(lost)).toEqual([probe]);
    expect(seat.decide(participants(ROOM, 'c'), foundInside)).toEqual([]);
    expect([seat.value(), seat.roomId()]).toEqual(['inside', ROOM]);
  });

  test('a room that is gone is found out', () => {
    const seat = inside();
    seat.decide(lost, foundOutside);
    expect([seat.value(), seat.roomId()]).toEqual(['outside', undefined]);
  });

  test('a LeaveRoom that never came goes again', () => {
    const seat = inside();
    seat.decide(leave, sent);
    expect(seat.decide(resumed)).toEqual([probe]);
    expect(seat.decide(foundInside)).toEqual([leaveAgain]);
    expect(seat.value()).toBe('outside');
  });

  test('one that came does not', () => {
    const seat = inside();
    seat.decide(leave, sent, resumed);
    expect(seat.decide(foundOutside)).toEqual([]);
    expect(seat.value()).toBe('outside');
    expect(seat.decide(resumed)).toEqual([]); // nor is it in doubt any more
  });

  test('neither a LeaveRoom nor the join behind it came: both go again, in order', () => {
    const seat = inside();
    seat.decide(leave, sent, { type: 'enter', request: { roomId: OTHER } }, sent);
    expect(seat.decide(resumed, participants(), foundInside)).toEqual([
      probe,
      leaveAgain,
      ask({ roomId: OTHER }),
    ]);
    expect(seat.decide(sent, participants(), admitted, participants(OTHER))).toEqual([settle]);
    expect(seat.roomId()).toBe(OTHER);
  });

  test('the old room is not taken for the one created behind it', () => {
    const seat = inside();
    seat.decide(leave, sent, create, sent);
    expect(seat.decide(lost, participants(), foundInside)).toEqual([probe, leaveAgain, ask({})]);
  });

  test('a request that is not wanted any more is undone if it came, and else forgotten', () => {
    const seat = start();
    seat.decide(join, sent, unwanted, resumed);
    expect(seat.decide(foundInside)).toEqual([leaveAgain]);
    const other = start();
    other.decide(join, sent, unwanted, resumed);
    expect(other.decide(foundOutside)).toEqual([]);
    const unsent = start();
    expect(unsent.decide(join, unwanted, resumed)).toEqual([ask({ roomId: ROOM })]);
    for (const { value } of [seat, other, unsent]) expect(value()).toBe('outside');
  });
});

describe('under another identity', () => {
  const back = { roomId: ROOM, createIfMissing: true, isReturn: true };

  test('the room is joined again by itself, and shown meanwhile as it was', () => {
    const seat = inside();
    expect(seat.decide(restarted)).toEqual([ask(back)]);
    expect([seat.value(), seat.roomId()]).toEqual(['entering', ROOM]);
    expect(seat.decide(sent, admitted, participants())).toEqual([settle]);
    expect(seat.value()).toBe('inside');
  });

  test('it may be full', () => {
    const seat = inside();
    expect(seat.decide(restarted, sent, full)).toEqual([ask(back), reject('RoomFull', back)]);
    expect([seat.value(), seat.roomId()]).toEqual(['outside', undefined]);
  });

  test('what was asked is asked again', () => {
    const seat = start();
    expect(seat.decide(create, sent, restarted)).toEqual([ask({}), ask({})]);
  });

  test('and nothing is that was left, or is not wanted', () => {
    const seat = inside();
    expect(seat.decide(leave, restarted)).toEqual([askLeave, settle]);
    expect([seat.value(), seat.roomId()]).toEqual(['outside', undefined]);
    const other = start();
    expect(other.decide(join, sent, unwanted, restarted)).toEqual([ask({ roomId: ROOM })]);
    expect(other.value()).toBe('outside');
  });
});

describe('an Error that answers no request', () => {
  test('is reported', () => {
    expect(inside().decide(troubled)).toEqual([report('InvalidPayload')]);
  });

  test('may mean that the room was closed: the server is asked', () => {
    const seat = inside();
    expect(seat.decide(internal)).toEqual([report('Internal'), probe]);
    expect(seat.decide(foundOutside)).toEqual([]);
    expect([seat.value(), seat.roomId()]).toEqual(['outside', undefined]);
    const other = inside();
    other.decide(internal, foundInside);
    expect([other.value(), other.roomId()]).toEqual(['inside', ROOM]);
  });
});

test('a room entered by a request that nobody knows of is left at once', () => {
  expect(start().decide(admitted)).toEqual([leaveAgain]);
});

describe('whatever happens', () => {
  const paths = getShortestPaths(machine, { events: [...SEAT_EVENTS] });
  const states = paths.map(({ state }) => ({ value: state.value, context: state.context as SeatContext }));

  test('every state is reached', () => {
    expect(new Set(states.map(({ value }) => value))).toEqual(new Set(Object.keys(machine.states)));
  });

  test('a request is open in those states alone that wait for its answer', () => {
    for (const { value, context } of states) {
      if (value === 'entering' || value === 'admitted') expect(context.request).toBeDefined();
      else if (value !== 'checking') expect(context.request).toBeUndefined();
    }
  });

  test('there is a room inside, and none outside', () => {
    for (const { value, context } of states) {
      if (value === 'inside' || value === 'leaving') expect(context.room).toBeDefined();
      if (value === 'outside') expect(context.room).toBeUndefined();
      if (value === 'entering' && context.room !== undefined) expect(context.request?.isReturn).toBe(true);
    }
  });

  test('no departure is in doubt once let in', () => {
    for (const { value, context } of states) {
      if (['admitted', 'inside', 'leaving'].includes(value as string)) expect(context.left).toBeUndefined();
    }
  });

  test('an answer of the server ends every wait', () => {
    for (const { state } of paths) {
      const context = state.context as SeatContext;
      if (state.value !== 'entering' && state.value !== 'checking') continue;
      const actor = createActor(machine, { snapshot: machine.resolveState({ value: state.value, context }) });
      actor.start();
      // Not in the room, then let in.
      for (const event of [foundOutside, sent, admitted, participants()]) actor.send(event);
      expect(['inside', 'outside']).toContain(actor.getSnapshot().value);
    }
  });
});
