import { setTimeout as pause } from 'node:timers/promises';
import { misfit } from '../protocol/misfit.ts';
import { Bindings } from './bindings.ts';
import { Miss, Participant } from './participant.ts';
import { get, upgrade } from './request.ts';
import type { Pace } from './target.ts';
import type { Step } from './transcript.ts';

/** Where a transcript is played, and how long the server may take. */
export interface Stage {
  readonly url: URL;
  readonly limits: Pace;
  /** What every message and answer has to come within. */
  readonly patienceMs: number;
  /** Silence is what is still silent after so long, for servers that answer pings before messages. */
  readonly settleMs: number;
}

/** Plays one transcript over real sockets, and leaves none behind. */
export class Player {
  readonly #stage: Stage;
  readonly #bindings = new Bindings();
  readonly #participants = new Map<string, Participant>();
  /** Sockets somebody had before the one it has now. */
  readonly #former: Participant[] = [];
  #isStopped = false;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Throws Miss. `began` hears of each step, and of undefined when all are done and silence is waited for. */
  async play(steps: readonly Step[], began: (step: Step | undefined) => void = () => {}): Promise<void> {
    try {
      for (const step of steps) {
        if (this.#isStopped) return;
        began(step);
        await this.#perform(step);
      }
      began(undefined);
      await this.#expectSilence();
    } finally {
      this.stop();
    }
  }

  /** Breaks off every socket, and with it whatever is being waited for. */
  stop(): void {
    this.#isStopped = true;
    for (const each of [...this.#participants.values(), ...this.#former]) each.breakOff();
  }

  async #perform(step: Step): Promise<void> {
    switch (step.kind) {
      case 'wait':
        return pause(step.ms);
      case 'request':
      case 'upgrade':
        return this.#ask(step);
      case 'connect':
        return void (await this.#connect(step.who));
    }
    const participant = this.#participants.get(step.who) ?? (await this.#connect(step.who));
    switch (step.kind) {
      case 'send':
        for (let i = 0; i < step.times; i++) {
          await participant.send(this.#bindings.fill(step.text), this.#stage.limits, step.atOnce);
        }
        return;
      case 'sendBinary':
        return participant.sendBytes(Uint8Array.of(1, 2, 3), 'binary');
      case 'sendBrokenText':
        return participant.sendBytes(Uint8Array.of(0x22, 0xff, 0x22), 'text');
      case 'hear':
        for (let i = 0; i < step.times; i++) await this.#hear(participant, step.message);
        return;
      case 'hearNothing':
        return this.#expectSilence(participant);
      case 'hearWhatever':
        await this.#settle();
        return participant.forget();
      case 'beClosed': {
        const code = await participant.closed();
        participant.isOver = true;
        if (code !== step.code) throw new Miss(`its socket was closed with ${code}`);
        return;
      }
      case 'close':
        return participant.close(step.code);
      case 'breakOff':
        return participant.breakOff();
    }
  }

  async #connect(who: string): Promise<Participant> {
    const former = this.#participants.get(who);
    if (former !== undefined) this.#former.push(former);
    const participant = await Participant.connect(this.#stage.url, this.#stage.patienceMs);
    this.#participants.set(who, participant);
    if (this.#isStopped) participant.breakOff();
    return participant;
  }

  /** The message has to be what the transcript says, and what the protocol's schemas allow. */
  async #hear(participant: Participant, expected: unknown): Promise<void> {
    const text = await participant.next();
    const message = tryParse(text);
    participant.isSession ||= Object(message).type === 'Ready';
    if (!this.#bindings.match(expected, message)) throw new Miss(`heard ${text} instead`);
    const problem = misfit(message, participant.isSession ? 'session' : 'base');
    if (problem !== undefined)
      throw new Miss(`heard ${text}, which is no message of the protocol: ${problem}`);
  }

  /** Nobody, or not this one, has heard anything that nobody asked about. */
  async #expectSilence(of?: Participant): Promise<void> {
    await this.#settle();
    for (const [who, each] of this.#present) {
      if (each.unasked !== undefined && (of === undefined || of === each))
        throw new Miss(of === undefined ? `${who} ${each.unasked}` : each.unasked);
    }
  }

  /** Waits until all that anybody sent is handled, and what came of it is heard. */
  async #settle(): Promise<void> {
    const settle = () => Promise.all(this.#present.map(([, each]) => each.settle()));
    await settle();
    await pause(this.#stage.settleMs);
    await settle();
  }

  get #present(): [string, Participant][] {
    return [...this.#participants].filter(([, { isOver }]) => !isOver);
  }

  async #ask({ kind, path, status, header }: Extract<Step, { kind: 'request' | 'upgrade' }>): Promise<void> {
    const { url, patienceMs } = this.#stage;
    const address = path === '/ws' ? url : new URL(path, url);
    const answer = await (kind === 'request' ? get : upgrade)(address, patienceMs);
    if (answer.status !== status) throw new Miss(`answered ${answer.status}`);
    if (header === undefined) return;
    const [name, value] = header;
    const actual = answer.headers[name.toLowerCase()];
    if (String(actual).toLowerCase() !== value.toLowerCase())
      throw new Miss(`answered ${status}, but ${name} is ${actual === undefined ? 'missing' : actual}`);
  }
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
