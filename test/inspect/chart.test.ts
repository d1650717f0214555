import { beforeAll, describe, expect, test } from '@jest/globals';
import { type AnyStateMachine, type AnyStateNode, createActor, createMachine } from 'xstate';
import { connectionMachine } from '../../machines/connection.ts';
import { participantMachine } from '../../machines/participant.ts';
import { roomMachine } from '../../machines/room.ts';
import { supervisorMachine } from '../../machines/supervisor.ts';
import { drawChart } from '../../src/inspect/chart.ts';
import { allStates, describe as describeMachine } from '../../src/inspect/describe.ts';
import { type Box, type Layout, layOut } from '../../src/inspect/layout.ts';
import { greetingOf } from '../../src/protocol/features.ts';

/** The SVG of a statechart: everything in it once, where it belongs, and nothing in the way of anything. */

/** All that XState knows and our own machines do not use. */
const odd = createMachine({
  id: 'odd',
  description: 'A <machine> & "friends"',
  initial: 'a',
  on: { RESET: { target: '.a' }, NOOP: { actions: 'x' } },
  states: {
    a: {
      always: { guard: 'g', target: 'b' },
      on: {
        SELF: { target: 'a', reenter: true },
        SPLIT: { target: ['#odd.p.one.y', '#odd.p.two.z'] },
        '<&">': { target: 'b' },
      },
    },
    b: {
      initial: 'in',
      onDone: { target: 'c' },
      on: { BACK: { target: '#odd.p.hist' }, X: { target: 'p' } },
      states: { in: { on: { OUT: { target: '#odd.a' }, UP: { target: '#odd.p' } } }, out: { type: 'final' } },
    },
    p: {
      type: 'parallel',
      states: {
        hist: { type: 'history' },
        one: { initial: 'x', states: { x: { on: { CROSS: { target: '#odd.p.two.w' } } }, y: {} } },
        two: { initial: 'w', states: { w: { after: { 1000: { target: 'z' } } }, z: {} } },
      },
    },
    c: { type: 'final', entry: ['e1', 'e2'], exit: 'q' },
  },
});

const machines: [string, AnyStateMachine][] = [
  ['connection', connectionMachine],
  ['participant', participantMachine],
  ['room', roomMachine],
  ['supervisor', supervisorMachine],
  ['odd', odd],
  ['single', createMachine({ id: 'single' })],
];

function* nodes(node: AnyStateNode): Generator<AnyStateNode> {
  yield node;
  for (const child of Object.values(node.states)) yield* nodes(child);
}

function values(svg: string, attribute: string): string[] {
  return [...svg.matchAll(new RegExp(` ${attribute}="([^"]*)"`, 'g'))].map(([, value]) =>
    (value as string)
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&amp;', '&'),
  );
}

function contains(outer: Box, inner: Box): boolean {
  return (
    inner.x >= outer.x &&
    inner.y >= outer.y &&
    inner.x + inner.width <= outer.x + outer.width &&
    inner.y + inner.height <= outer.y + outer.height
  );
}

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

describe.each(machines)('%s', (_, machine) => {
  const chart = describeMachine(machine);
  let svg: string;
  let layout: Layout;

  beforeAll(async () => {
    svg = await drawChart(chart);
    layout = await layOut(chart);
  });

  test('every state is there once, under the id of its state node', () => {
    const ids = [...nodes(machine.root)].map(({ id }) => id);
    expect(values(svg, 'data-state').sort()).toEqual(ids.sort());
  });

  test('every transition is there once', () => {
    const transitions = [...nodes(machine.root)].flatMap((node) =>
      [...node.transitions.values()].flat().concat(node.always ?? []),
    );
    const described = [...allStates(chart)].flatMap((state) => state.transitions);
    expect(new Set(described.map(({ definition }) => definition))).toEqual(new Set(transitions));
    const ids = values(svg, 'data-transition');
    expect(ids.sort()).toEqual(described.map(({ id }) => id).sort());
    expect(new Set(ids).size).toBe(transitions.length);
  });

  test('names, descriptions, guards and actions can be read', () => {
    const text = svg.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
    for (const state of allStates(chart)) {
      expect(text).toContain(state.path.at(-1));
      for (const action of [...state.entry, ...state.exit]) expect(text).toContain(action);
      for (const { guard, actions } of state.transitions) {
        if (guard !== undefined) expect(text).toContain(`[${guard}]`);
        for (const action of actions) expect(text).toContain(action);
      }
    }
  });

  test('it has no style, script or link of its own, which the page would refuse', () => {
    expect(svg).not.toMatch(/<(?:style|script|a|image|use)\b| style=| on\w+=|href/);
  });

  test('children lie in their parents, below what these say, and not on one another', () => {
    const placed = new Map(layout.states.map((each) => [each.state.id, each]));
    for (const outer of layout.states) {
      const children = outer.state.states.map(({ id }) => placed.get(id) as Box);
      const inside = { ...outer, y: outer.y + outer.headHeight, height: outer.height - outer.headHeight };
      for (const child of children)
        expect([outer.state.id, contains(inside, child)]).toEqual([outer.state.id, true]);
      for (const [i, a] of children.entries()) {
        for (const b of children.slice(i + 1)) expect(overlap(a, b)).toBe(false);
      }
    }
  });

  test('texts fit in their boxes, and labels lie on no state and on no other label', () => {
    for (const { width, title, rows } of layout.states) {
      for (const block of [title, ...rows]) expect(block.width).toBeLessThan(width);
    }
    const leaves = layout.states.filter(({ state }) => state.states.length === 0);
    const labels = layout.edges.flatMap(({ label }) => (label === undefined ? [] : [label]));
    for (const [i, label] of labels.entries()) {
      expect(contains({ x: 0, y: 0, width: layout.width, height: layout.height }, label)).toBe(true);
      for (const other of [...leaves, ...labels.slice(i + 1)]) expect(overlap(label, other)).toBe(false);
    }
  });

  test('every edge starts and ends at its states', () => {
    const placed = new Map(layout.states.map((each) => [each.state.id, each]));
    for (const { transition, routes } of layout.edges) {
      if (transition === undefined) continue;
      for (const [i, target] of (transition.targets ?? []).entries()) {
        const [route] = [routes[i] as Layout['edges'][number]['routes'][number]];
        const touches = (id: string, point = { x: 0, y: 0 }) =>
          contains(grown(placed.get(id) as Box), { ...point, width: 0, height: 0 });
        expect(touches(transition.source, route[0])).toBe(true);
        expect(touches(target, route.at(-1))).toBe(true);
      }
    }
  });
});

function grown({ x, y, width, height }: Box): Box {
  return { x: x - 1, y: y - 1, width: width + 2, height: height + 2 };
}

test('the ids of active states are those that XState gives', async () => {
  const svg = await drawChart(describeMachine(connectionMachine));
  const ids = values(svg, 'data-state');
  const actor = createActor(connectionMachine, {
    input: {
      limit: 2,
      windowMs: 1000,
      firstMessageTimeoutMs: 1000,
    },
  });
  actor.start();
  for (const event of [
    { type: 'frame.hello', at: 1, resume: null, greeting: greetingOf({}), refusal: 'Hello comes first.' },
    { type: 'frame.invalid', at: 2, reason: 'why' },
    { type: 'frame.invalid', at: 3, reason: 'why' },
    { type: 'frame.unread', at: 4 },
    { type: 'transport.ended', end: 'closed' },
  ] as const) {
    const { _nodes } = actor.getSnapshot() as unknown as { _nodes: AnyStateNode[] };
    expect(_nodes.length).toBeGreaterThan(3);
    for (const { id } of _nodes) expect(ids).toContain(id);
    actor.send(event);
  }
});
