import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { diag } from '@opentelemetry/api';
import type { Diagnostic } from '../diagnostics.ts';
import type { SpanRequest } from '../spans/otlp.ts';

/** A request on its way to the thread, which is given the memory of its bytes. */
export interface ThreadRequest extends SpanRequest {
  readonly id: number;
}

/**
 * From the thread: first whether OpenTelemetry's transport is as the thread uses it; then that a request was taken, or why
 * not; or what OpenTelemetry says there.
 */
export type ThreadMessage =
  | { readonly type: 'checked'; readonly problem?: string }
  | { readonly type: 'settled'; readonly id: number; readonly error?: string }
  | ({ readonly type: 'diagnostic' } & Diagnostic);

const SCRIPT = new URL(`./export-worker${extname(import.meta.url)}`, import.meta.url);

/**
 * Sends requests from a thread of its own: half a megabyte through Node's HTTP client and into a socket takes
 * milliseconds, in which no message would be relayed. A thread that has died is replaced with the next request.
 */
export class ExportThread {
  readonly #script: URL;
  readonly #underWay = new Map<number, PromiseWithResolvers<void>>();
  readonly #checked = Promise.withResolvers<string | undefined>();
  #worker: Worker | undefined;
  #lastId = 0;

  /** Starts the thread, lest the first request wait for it. */
  constructor(script = SCRIPT) {
    this.#script = script;
    try {
      this.#worker = this.#start();
    } catch (error) {
      this.#checked.resolve(String(error)); // it is tried again with the first request
    }
  }

  /** What keeps the thread from sending, found out when it starts; undefined when nothing does. */
  async checked(): Promise<string | undefined> {
    this.#worker?.ref(); // nothing else may keep the process yet
    try {
      return await this.#checked.promise;
    } finally {
      if (this.#underWay.size === 0) this.#worker?.unref();
    }
  }

  /** Takes the memory of the request's bytes. Rejects when the request was not taken, or the thread has died of it. */
  readonly send = async (request: SpanRequest): Promise<void> => {
    this.#worker ??= this.#start();
    this.#lastId += 1;
    const id = this.#lastId;
    const done = Promise.withResolvers<void>();
    this.#underWay.set(id, done);
    this.#worker.ref();
    this.#worker.postMessage({ id, ...request } satisfies ThreadRequest, [request.bytes.buffer]);
    return done.promise;
  };

  /** What is under way is given up, and rejects. */
  async stop(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(this.#script, { name: 'span export' });
    let failure = 'The thread that sends spans has ended';
    worker.on('message', this.#hear);
    worker.on('error', (error) => {
      failure = `The thread that sends spans has failed: ${error}`;
      if (this.#underWay.size === 0) diag.error(failure);
    });
    worker.on('exit', () => {
      this.#worker = undefined;
      for (const id of this.#underWay.keys()) this.#settle(id, failure);
      this.#checked.resolve(failure);
    });
    worker.unref(); // it keeps the process only while a request is under way
    return worker;
  }

  readonly #hear = (message: ThreadMessage): void => {
    switch (message.type) {
      case 'checked':
        return this.#checked.resolve(message.problem);
      case 'settled':
        return this.#settle(message.id, message.error);
      case 'diagnostic':
        return diag[message.level](message.text);
    }
  };

  #settle(id: number, error?: string): void {
    const done = this.#underWay.get(id);
    this.#underWay.delete(id);
    if (this.#underWay.size === 0) this.#worker?.unref();
    if (error === undefined) done?.resolve();
    else done?.reject(Object.assign(new Error(error), { name: '' })); // its own name is in the text
  }
}
