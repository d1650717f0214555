import type { AnyStateMachine, AnyTransitionDefinition } from 'xstate';
import { drawChart } from './chart.ts';
import { allStates, describe, type TransitionDescription } from './describe.ts';

/** The chart of one machine. */
export interface Chart {
  /** The machine's id, with a number behind it if another machine has the same. */
  readonly name: string;
  /** The SVG document. */
  readonly svg: Promise<string>;
  /** What the chart says of one of XState's transitions; undefined for one of another machine. */
  find(transition: AnyTransitionDefinition): TransitionDescription | undefined;
}

/** The charts of all machines seen so far, each drawn once. */
export class Charts {
  readonly #byName = new Map<string, Chart>();
  readonly #byMachine = new WeakMap<AnyStateMachine, Chart>();

  of(machine: AnyStateMachine): Chart {
    const known = this.#byMachine.get(machine);
    if (known !== undefined) return known;
    const chart = this.#draw(machine);
    this.#byMachine.set(machine, chart);
    this.#byName.set(chart.name, chart);
    return chart;
  }

  named(name: string): Chart | undefined {
    return this.#byName.get(name);
  }

  #draw(machine: AnyStateMachine): Chart {
    let name = machine.id;
    for (let i = 2; this.#byName.has(name); i++) name = `${machine.id}-${i}`;
    const description = describe(machine);
    const transitions = [...allStates(description)].flatMap((state) => state.transitions);
    const byDefinition = new Map(transitions.map((transition) => [transition.definition, transition]));
    const svg = drawChart(description);
    svg.catch(() => {}); // whoever asks for it hears of the failure
    return { name, svg, find: (transition) => byDefinition.get(transition) };
  }
}
