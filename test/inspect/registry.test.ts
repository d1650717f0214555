import { expect, test } from '@jest/globals';
import { type Actor, type AnyActorRef, createActor, emit, setup } from 'xstate';
import { withRollback } from '../../src/actor/rollback.ts';
import { MAX_EVENTS } from '../../src/inspect/record.ts';
import { Registry } from '../../src/inspect/registry.ts';

/** Which actors the inspector keeps, and what it makes of their events. */

const machine = setup({
  types: { events: {} as { type: string; to?: AnyActorRef; sdp?: string }, emitted: {} as { type: string } },
  actions: {
    pass: ({ event }) => event.to?.send({ type: 'passed' }),
    say: emit(({ event: { sdp } }) => ({ type: 'said', sdp })),
    fail: () => {
      throw new Error('broken');
    },
  },
}).createMachine({
  id: 'thing',
  initial: 'on',
  states: {
    on: {
      on: {
        pass: { actions: 'pass' },
        say: { actions: 'say' },
        fail: { target: 'off', actions: ['say', 'fail'] },
        finish: { target: 'off' },
        passed: {},
      },
    },
    off: { type: 'final' },
  },
});

function start(limits = { perMachine: 3, endedForMs: 1000 }) {
  const registry = new Registry(limits);
  const actor = (logic = machine): Actor<typeof machine> => {
    const actor = createActor(logic, { inspect: (event) => registry.inspect(event) });
    actor.on('*', () => {});
    actor.subscribe({ error() {} });
    return actor.start();
  };
  return { registry, actor };
}

const ids = (registry: Registry) => [...registry.records].map(({ id }) => id);

test('an actor is shown with its state from its start on', () => {
  const { registry, actor } = start();
  const { sessionId } = actor();
  const record = registry.find(sessionId);
  expect(record).toMatchObject({ id: sessionId, machine: 'thing', definition: machine, endedAt: undefined });
  expect(record?.state()).toMatchObject({ status: 'active', value: 'on', active: ['thing', 'thing.on'] });
  expect(record?.entries).toMatchObject([{ type: 'xstate.init', outcome: 'handled', source: undefined }]);
});

test('events have what became of them: transitions, decisions and no secret', () => {
  const { registry, actor } = start();
  const it = actor();
  it.send({ type: 'say', sdp: 'v=0' });
  it.send({ type: 'unheard' });
  const [, said, unheard] = registry.find(it.sessionId)?.entries ?? [];
  const payload = { sdp: '[redacted 3 characters]' };
  expect(said).toMatchObject({
    type: 'say',
    payload,
    outcome: 'handled',
    decisions: [{ type: 'said', payload }],
  });
  expect(said?.transitions.map(({ eventType }) => eventType)).toEqual(['say']);
  expect(unheard).toMatchObject({ type: 'unheard', outcome: 'ignored', transitions: [], decisions: [] });
});

test('an event that was rolled back is told from one that was ignored', () => {
  const { registry, actor } = start();
  const it = actor(withRollback(machine));
  it.send({ type: 'fail' });
  it.send({ type: 'say' });
  const record = registry.find(it.sessionId);
  expect(record?.entries.slice(1).map(({ outcome }) => outcome)).toEqual(['failed', 'handled']);
  expect(record?.state().value).toBe('on');
});

test('the sender of an event is whoever was at work', () => {
  const { registry, actor } = start();
  const [sender, receiver] = [actor(), actor()] as const;
  sender.send({ type: 'pass', to: receiver });
  receiver.send({ type: 'passed' });
  const sources = registry.find(receiver.sessionId)?.entries.map(({ source }) => source);
  expect(sources).toEqual([undefined, sender.sessionId, undefined]);
});

test('only the last events are kept', () => {
  const { registry, actor } = start();
  const it = actor();
  for (let i = 0; i < 2 * MAX_EVENTS; i++) it.send({ type: `event ${i}` });
  const types = registry.find(it.sessionId)?.entries.map(({ type }) => type);
  expect(types).toHaveLength(MAX_EVENTS);
  expect(types?.at(-1)).toBe(`event ${2 * MAX_EVENTS - 1}`);
});

test('beyond the limit of their machine actors are counted, and take the places of those that end', () => {
  const { registry, actor } = start();
  const all = Array.from({ length: 5 }, () => actor());
  const names = all.map(({ sessionId }) => sessionId);
  expect(ids(registry)).toEqual(names.slice(0, 3));
  expect(registry.hidden()).toEqual({ thing: 2 });

  all[1]?.stop();
  expect(ids(registry)).toEqual([...names.slice(0, 3), names[3]]);
  expect(registry.hidden()).toEqual({ thing: 1 });

  all[4]?.stop(); // one that was not shown
  expect(registry.hidden()).toEqual({});
  expect(ids(registry)).toHaveLength(4);
});

test('limits are for each machine', () => {
  const { registry, actor } = start({ perMachine: 1, endedForMs: 0 });
  const other = setup({}).createMachine({ id: 'other' });
  for (const each of [machine, machine, other, other, other]) actor(each as typeof machine);
  expect([...registry.records].map((record) => record.machine)).toEqual(['thing', 'other']);
  expect(registry.hidden()).toEqual({ thing: 1, other: 2 });
});

test('an actor that ended is shown for a while, whichever way it ended', () => {
  const { registry, actor } = start();
  const [stopped, done, failed] = [actor(), actor(), actor()] as const;
  stopped.stop();
  done.send({ type: 'finish' });
  failed.send({ type: 'fail' }); // XState tells no inspector of it
  registry.sweep();
  const status = () => [...registry.records].map((record) => record.state().status);
  expect(status()).toEqual(['stopped', 'done', 'error']);
  registry.sweep(Date.now() + 900);
  expect(status()).toHaveLength(3);
  registry.sweep(Date.now() + 1100);
  expect(status()).toEqual([]);
});

test('ended actors are bounded too', () => {
  const { registry, actor } = start({ perMachine: 1000, endedForMs: 60_000 });
  for (let i = 0; i < 300; i++) actor().stop();
  expect(ids(registry)).toHaveLength(100);
});

test('listeners hear of every actor and event, in order, until they stop listening', () => {
  const { registry, actor } = start({ perMachine: 3, endedForMs: 0 });
  const heard: string[] = [];
  const stop = registry.listen({
    appeared: () => heard.push('appeared'),
    changed: (_, entry) => heard.push(entry === undefined ? 'changed' : `${entry.type} ${entry.outcome}`),
    forgotten: () => heard.push('forgotten'),
  });
  const it = actor();
  it.send({ type: 'say' });
  it.stop();
  registry.sweep();
  stop();
  actor();
  expect(heard).toEqual([
    'appeared',
    'xstate.init waiting',
    'xstate.init handled',
    'say waiting',
    'say handled',
    'changed',
    'changed',
    'forgotten',
  ]);
});
