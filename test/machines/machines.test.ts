import { describe, expect, test } from '@jest/globals';
import type { AnyStateMachine, AnyStateNode } from 'xstate';
import { connectionMachine } from '../../machines/connection.ts';
import { roomMachine } from '../../machines/room.ts';
import { supervisorMachine } from '../../machines/supervisor.ts';
import { toXState } from '../../scripts/xstate-chart.ts';
import { negotiationMachine } from '../../src/client/machines/negotiation.ts';
import { seatMachine } from '../../src/client/machines/seat.ts';
import { signalingMachine } from '../../src/client/machines/signaling.ts';

/** What holds for every statechart of the project. */

const machines: [string, AnyStateMachine][] = [
  ['connection', connectionMachine],
  ['room', roomMachine],
  ['supervisor', supervisorMachine],
  ['seat', toXState(seatMachine)],
  ['signaling', toXState(signalingMachine)],
  ['negotiation', negotiationMachine],
];

function* nodes(node: AnyStateNode): Generator<AnyStateNode> {
  yield node;
  for (const child of Object.values(node.states)) yield* nodes(child);
}

describe.each(machines)('%s', (name, machine) => {
  const all = [...nodes(machine.root)];

  test('its id is the name of its file', () => expect(machine.id).toBe(name));

  test('every delay it uses is defined: a misspelt one would fire at once (xstate#5375)', () => {
    const used = all.flatMap(({ after }) => after.map(({ delay }) => delay));
    const defined = Object.keys(machine.implementations.delays);
    for (const delay of used) expect(defined).toContain(delay);
    for (const delay of defined) expect(used).toContain(delay);
  });

  test('every action and guard it names is defined, and every one defined is used', () => {
    const transitions = all.flatMap((node) =>
      [...node.transitions.values()].flat().concat(node.always ?? []),
    );
    const actions = [
      ...all.flatMap(({ entry, exit }) => [...entry, ...exit]),
      ...transitions.flatMap((t) => t.actions),
    ];
    const names = (list: unknown[]) =>
      new Set(list.map((item) => (typeof item === 'string' ? item : (item as { type: string }).type)));
    const own = actions.filter((action) => typeof action !== 'function'); // xstate's own: raise and cancel of delays
    expect([...names(own)].sort()).toEqual(Object.keys(machine.implementations.actions).sort());
    const guards = names(transitions.flatMap(({ guard }) => (guard === undefined ? [] : [guard])));
    for (const guard of guards) expect(Object.keys(machine.implementations.guards)).toContain(guard);
  });

  test('every leaf state describes itself', () => {
    for (const node of all) {
      if (Object.keys(node.states).length === 0)
        expect([node.id, node.description]).toEqual([node.id, expect.any(String)]);
    }
  });

  test('every target exists and the definition is plain data', () => {
    expect(() => JSON.stringify(machine.definition)).not.toThrow();
  });
});
