import {
  type ActorScope,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  createMachine,
  type EventObject,
  type ExecutableActionObject,
} from 'xstate';
import { Configuration } from './configuration.ts';

/** XState's own types are left to whatever machine is interpreted. */
// biome-ignore lint/suspicious/noExplicitAny: one interpreter for machines of every type
type Any = any;

/** What a step asks for, in order: XState's emit, a raise with a delay, and its cancelling. */
export type Effect =
  | { readonly type: 'emit'; readonly event: EventObject }
  | { readonly type: 'schedule'; readonly id: string; readonly event: EventObject; readonly delayMs: number }
  | { readonly type: 'cancel'; readonly id: string };

/** Where an event led. */
export interface Step {
  readonly configuration: Configuration;
  readonly context: Any;
  readonly effects: readonly Effect[];
}

/**
 * XState's interpreter of one machine, apart from any actor: XState computes every step, as its `transition()` does, and
 * says what is to be done. Actors keep a configuration, which all in the same states share, and their context.
 * For machines that spawn and invoke nobody; their actions see no `self` of their own.
 */
export class Interpreter {
  readonly #machine: AnyStateMachine;
  readonly #absorbs: boolean;
  readonly #configurations = new Map<string, Configuration>();

  /** With `absorbs`, events that change nothing are handled by absorb.ts. */
  constructor(machine: AnyStateMachine, absorbs: boolean) {
    this.#machine = machine;
    this.#absorbs = absorbs;
  }

  /** The first step of an actor. Throws what the machine throws. */
  start(input: unknown): Step {
    const custom: ExecutableActionObject[] = [];
    const effects: Effect[] = [];
    const scope = scopeOf((action) => {
      if (isBuiltIn(action)) effects.push(...effectsOf(action));
      else custom.push(action);
    });
    const snapshot = this.#machine.getInitialSnapshot(scope, input as never) as AnyMachineSnapshot;
    if (snapshot.status === 'error') throw snapshot.error;
    for (const action of custom) run(action);
    return this.#step(snapshot, effects);
  }

  /** The step an event leads to. Throws what the machine throws; nothing has happened then. */
  next(configuration: Configuration, context: Any, event: EventObject): Step {
    const effects: Effect[] = [];
    const scope = scopeOf((action) => {
      if (isBuiltIn(action)) effects.push(...effectsOf(action));
      else run(action);
    });
    const before = configuration.snapshotWith(context);
    const snapshot = this.#machine.transition(before, event, scope) as AnyMachineSnapshot;
    if (snapshot === before) return { configuration, context, effects };
    return this.#step(snapshot, effects);
  }

  #step(snapshot: AnyMachineSnapshot, effects: readonly Effect[]): Step {
    // What `spawn` gives an assign or the first context is no action: nobody would start it, and all would share it.
    if (Object.keys(snapshot.children).length > 0) throw needsXStatesOwn('xstate.spawnChild');
    return { configuration: this.#configurationOf(snapshot), context: snapshot.context, effects };
  }

  /** The one that says the same as this snapshot: what its states do not settle would be an actor's own. */
  #configurationOf(snapshot: AnyMachineSnapshot): Configuration {
    const isSettled = snapshot.status === 'active' && Object.keys(snapshot.historyValue).length === 0;
    if (!isSettled) return new Configuration(snapshot, this.#absorbs);
    const key = JSON.stringify(snapshot.value);
    let configuration = this.#configurations.get(key);
    if (configuration === undefined) {
      configuration = new Configuration(snapshot, this.#absorbs);
      this.#configurations.set(key, configuration);
    }
    return configuration;
  }
}

/**
 * Stands in for the actor that a scope is of. It has no inspectors, so that nobody is told of the steps; and it has
 * stopped, so that it keeps nothing it is sent.
 */
const nobody = createActor(createMachine({})).start().stop();

function scopeOf(actionExecutor: (action: ExecutableActionObject) => void): ActorScope<Any, Any> {
  return {
    self: nobody,
    id: '',
    sessionId: '',
    logger: () => {},
    system: nobody.system,
    defer: () => {},
    emit: () => {},
    stopChild: () => {},
    actionExecutor,
  };
}

function isBuiltIn({ type }: ExecutableActionObject): boolean {
  return type.startsWith('xstate.');
}

function run({ exec, info, params }: ExecutableActionObject): void {
  exec?.(info as never, params as never);
}

/** Throws for what only a whole XState actor can do. */
function effectsOf(action: ExecutableActionObject): Effect[] {
  const { type, params } = action as { type: string; params: Any };
  switch (type) {
    case 'xstate.emit':
      return [{ type: 'emit', event: params.event }];
    case 'xstate.raise': {
      const { id = crypto.randomUUID(), event, delay } = params;
      return delay === undefined ? [] : [{ type: 'schedule', id, event, delayMs: delay }];
    }
    case 'xstate.cancel':
      return [{ type: 'cancel', id: params.sendId }];
    default:
      throw needsXStatesOwn(type);
  }
}

function needsXStatesOwn(action: string): Error {
  return new Error(`The action ${action} needs an actor of XState’s own: emit, raise or cancel instead.`);
}
