import type {
  AnyStateMachine,
  ContextFrom,
  EventFromLogic,
  EventObject,
  InputFrom,
  SnapshotFrom,
} from 'xstate';
import { type Actor, type Decision, type Perform, rethrowLater, type Start } from '../actor.ts';
import type { Clock } from '../clock.ts';
import type { Configuration } from './configuration.ts';
import { type Effect, Interpreter, type Step } from './interpreter.ts';

/**
 * Starts actors that share all they can: what each keeps is its context, and which states it is in. Unless it `absorbs`,
 * XState interprets every event. A server takes `fastestStarter` instead, which checks first that this works.
 */
export function starter<TMachine extends AnyStateMachine>(
  machine: TMachine,
  clock: Clock,
  absorbs = true,
): Start<TMachine> {
  const interpreter = new Interpreter(machine, absorbs);
  return (input, perform) => new MachineActor(interpreter, clock, input, perform);
}

interface Timer {
  /** XState's. */
  readonly id: string;
  readonly handle: ReturnType<Clock['setTimeout']>;
}

const NONE: readonly Timer[] = [];

/** An event that was sent while another is taken. */
interface Waiting<TMachine extends AnyStateMachine, TCause> {
  readonly event: EventFromLogic<TMachine>;
  readonly cause: TCause | undefined;
}

/**
 * An actor that runs a machine by XState's interpreter. XState's own, a system of actors by itself, weighs thirty
 * times as much; test/actor/actor.test.ts holds the two against each other.
 */
class MachineActor<TMachine extends AnyStateMachine, TCause> implements Actor<TMachine, TCause> {
  readonly #interpreter: Interpreter;
  readonly #clock: Clock;
  readonly #perform: Perform<TMachine, TCause>;
  #configuration: Configuration;
  #context: ContextFrom<TMachine>;
  /** Sent while another event is taken; none at most times. */
  #waiting: Waiting<TMachine, TCause>[] | undefined;
  /** None at most times, and hardly ever more than one. */
  #timers: readonly Timer[] = NONE;
  #isTaking = true;
  #isStopped = false;

  constructor(
    interpreter: Interpreter,
    clock: Clock,
    input: InputFrom<TMachine>,
    perform: Perform<TMachine, TCause>,
  ) {
    this.#interpreter = interpreter;
    this.#clock = clock;
    this.#perform = perform;
    const first = interpreter.start(input);
    this.#configuration = first.configuration;
    this.#context = first.context;
    this.#follow(first, undefined);
    this.#takeWaiting();
  }

  get context(): ContextFrom<TMachine> {
    return this.#context;
  }

  hasTag(tag: string): boolean {
    return this.#configuration.hasTag(tag);
  }

  getSnapshot(): SnapshotFrom<TMachine> {
    const snapshot = this.#configuration.snapshotWith(this.#context);
    if (this.#isStopped && this.#configuration.isActive) snapshot.status = 'stopped';
    return snapshot as SnapshotFrom<TMachine>;
  }

  send(event: EventFromLogic<TMachine>, cause?: TCause): void {
    if (this.#isStopped) return;
    if (this.#isTaking) {
      this.#waiting ??= [];
      this.#waiting.push({ event, cause });
      return;
    }
    this.#isTaking = true;
    this.#take(event, cause);
    this.#takeWaiting();
  }

  stop(): void {
    this.#isStopped = true;
    this.#waiting = undefined;
    for (const { handle } of this.#timers) this.#clock.clearTimeout(handle);
    this.#timers = NONE;
  }

  #takeWaiting(): void {
    for (;;) {
      const next = this.#waiting?.shift();
      if (next === undefined) break;
      this.#take(next.event, next.cause);
    }
    this.#waiting = undefined;
    this.#isTaking = false;
  }

  #take(event: EventFromLogic<TMachine>, cause: TCause | undefined): void {
    let decisions: readonly EventObject[] | undefined;
    let step: Step | undefined;
    try {
      decisions = this.#configuration.absorb(this.#context, event);
      if (decisions === undefined) step = this.#interpreter.next(this.#configuration, this.#context, event);
    } catch (error) {
      return this.#tell({ type: 'failed', error, event } as Decision<TMachine>, cause);
    }
    if (step !== undefined) return this.#follow(step, cause);
    for (const decision of decisions ?? []) this.#tell(decision as Decision<TMachine>, cause);
  }

  #follow({ configuration, context, effects }: Step, cause: TCause | undefined): void {
    this.#configuration = configuration;
    this.#context = context;
    for (const effect of effects) this.#execute(effect, cause);
    if (!configuration.isActive) this.stop();
  }

  #execute(effect: Effect, cause: TCause | undefined): void {
    switch (effect.type) {
      case 'emit':
        return this.#tell(effect.event as Decision<TMachine>, cause);
      case 'schedule':
        return this.#schedule(effect.id, effect.event as EventFromLogic<TMachine>, effect.delayMs);
      case 'cancel':
        return this.#cancel(effect.id);
    }
  }

  #tell(decision: Decision<TMachine>, cause: TCause | undefined): void {
    try {
      this.#perform(decision, cause);
    } catch (error) {
      rethrowLater(error);
    }
  }

  #schedule(id: string, event: EventFromLogic<TMachine>, delayMs: number): void {
    if (this.#isStopped) return;
    const due = () => {
      this.#forget(timer);
      this.send(event);
    };
    const timer = { id, handle: this.#clock.setTimeout(due, delayMs) };
    this.#timers = [...this.#timers, timer];
  }

  #cancel(id: string): void {
    const timer = this.#timers.findLast((each) => each.id === id);
    if (timer === undefined) return;
    this.#clock.clearTimeout(timer.handle);
    this.#forget(timer);
  }

  #forget(timer: Timer): void {
    const left = this.#timers.filter((each) => each !== timer);
    this.#timers = left.length === 0 ? NONE : left;
  }
}
