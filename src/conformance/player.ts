import { setTimeout as pause } from 'node:timers/promises';
import { validateServerMessage } from '../protocol/validation.ts';
import { Bindings } from './bindings.ts';
import { CheckFailed, type Pace, Participant } from './participant.ts';
import { get, upgrade } from './request.ts';
import type { Step } from './transcript.ts';

/** The server to play a transcript against, and the time that it has. */
export interface Stage {
  readonly url: URL;
  readonly limits: Pace;
  /** The time for each message and each answer. */
  readonly patienceMs: number;
  /** How long silence must last, for servers whose pongs overtake their messages. */
  readonly settleMs: number;
}

/** Plays one transcript over real sockets, then closes them all. */
export class Player {
  readonly #stage: Stage;
  readonly #bindings = new Bindings();
  readonly #participants = new Map<string, Participant>();
  /** Earlier sockets of the participants. */
  readonly #former: Participant[] = [];
  #isStopped = false;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /**
   * Throws CheckFailed. Calls `began` with each step, and with undefined when all steps are done and the player waits
   * for silence.
   */
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

  /** Ends every socket, and so every wait. */
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
        if (code !== step.code) throw new CheckFailed(`the server closed the socket with ${code}`);
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

  /** The message must be the one in the transcript, and valid by the protocol's schemas. */
  async #hear(participant: Participant, expected: unknown): Promise<void> {
    const text = await participant.next();
    const message = tryParse(text);
    participant.isSession ||= Object(message).type === 'Ready';
    if (!this.#bindings.match(expected, message)) throw new CheckFailed(`heard ${text} instead`);
    const problem = validateServerMessage(message, participant.isSession ? 'session' : 'base');
    if (problem !== undefined)
      throw new CheckFailed(`heard ${text}, which does not fit the protocol's schema: ${problem}`);
  }

  /** Throws CheckFailed if a participant, or the one given, has heard a message that the transcript does not show. */
  async #expectSilence(of?: Participant): Promise<void> {
    await this.#settle();
    for (const [who, each] of this.#present) {
      if (each.unexpected !== undefined && (of === undefined || of === each))
        throw new CheckFailed(of === undefined ? `${who} ${each.unexpected}` : each.unexpected);
    }
  }

  /** Waits until the server has handled every frame, and its answers have arrived. */
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
    if (answer.status !== status) throw new CheckFailed(`answered ${answer.status}`);
    if (header === undefined) return;
    const [name, value] = header;
    const actual = answer.headers[name.toLowerCase()];
    if (String(actual).toLowerCase() !== value.toLowerCase())
      throw new CheckFailed(
        `answered ${status}, but ${name} is ${actual === undefined ? 'missing' : actual}`,
      );
  }
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
