import { Worker } from 'node:worker_threads';
import type { RoomId } from '../../../src/protocol/server.ts';
import type { MemberRef, Replies, RoomCommand, Router, SendResult } from '../../../src/routing/router.ts';
import type { Trace } from '../../../src/telemetry/tracing.ts';
import type { FromRooms, RoomLimits, ToRooms } from './messages.ts';

interface Pending {
  readonly room: RoomId;
  readonly from: MemberRef;
  readonly command: RoomCommand;
  readonly trace: Trace | undefined;
}

type Log = (line: Record<string, unknown>) => void;

const LOST = 'The node of the room was lost: create or join another.';

/**
 * Routes to rooms in another thread (rooms.ts), which runs the rooms of all servers of a test file. Everything is
 * sent as JSON text, and each answer comes later.
 */
export class RemoteRouter implements Router {
  static #worker: Worker | undefined;
  static readonly #routers = new Map<number, RemoteRouter>();
  static #lastServer = 0;

  readonly #server = ++RemoteRouter.#lastServer;
  readonly #limits: RoomLimits;
  readonly #replies: Replies;
  readonly #log: Log;
  readonly #pending = new Map<number, Pending>();
  readonly #counts = new Map<number, (rooms: number) => void>();
  /** Who is in which room, by participant. */
  readonly #members = new Map<string, { room: RoomId; ref: MemberRef }>();
  #lastId = 0;
  #idle: (() => void)[] = [];

  constructor(limits: RoomLimits, replies: Replies, log: Log) {
    this.#limits = limits;
    this.#replies = replies;
    this.#log = log;
    RemoteRouter.#routers.set(this.#server, this);
    if (RemoteRouter.#worker === undefined) RemoteRouter.#start();
    else this.#open();
  }

  /** Settles when no command of any server is pending, with whether there is such a server. */
  static async quiet(): Promise<boolean> {
    for (const router of RemoteRouter.#routers.values()) await router.#quiet();
    return RemoteRouter.#routers.size > 0;
  }

  /** Ends the thread, as a node that is lost. Another one takes its place, without its rooms. */
  static async lose(): Promise<void> {
    await RemoteRouter.end();
    if (RemoteRouter.#routers.size > 0) RemoteRouter.#start();
    for (const router of RemoteRouter.#routers.values()) router.#lost();
  }

  /** From now on no room answers. */
  static freeze(): void {
    for (const router of RemoteRouter.#routers.values())
      router.#post({ server: router.#server, type: 'freeze' });
  }

  /** Ends the thread, if there is one. */
  static async end(): Promise<void> {
    const worker = RemoteRouter.#worker;
    RemoteRouter.#worker = undefined;
    await worker?.terminate();
  }

  send(room: RoomId, from: MemberRef, command: RoomCommand, trace: Trace | undefined): SendResult {
    const id = ++this.#lastId;
    trace?.hold();
    this.#pending.set(id, { room, from, command, trace });
    this.#post({ server: this.#server, type: 'command', id, room, from, command, trace: trace?.context });
    return 'pending';
  }

  rooms(): Promise<number> {
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      this.#counts.set(id, resolve);
      this.#post({ server: this.#server, type: 'count', id });
    });
  }

  close(): void {
    this.#post({ server: this.#server, type: 'close' });
    RemoteRouter.#routers.delete(this.#server);
    this.#settle();
  }

  static #start(): void {
    const worker = new Worker(new URL('./rooms.ts', import.meta.url), {
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    worker.on('message', (text: string) => {
      const message: FromRooms = JSON.parse(text);
      const router = RemoteRouter.#routers.get(message.server);
      if (router !== undefined) router.#take(message);
    });
    worker.unref();
    RemoteRouter.#worker = worker;
    for (const router of RemoteRouter.#routers.values()) router.#open();
  }

  #open(): void {
    this.#post({ server: this.#server, type: 'open', limits: this.#limits });
  }

  #post(message: ToRooms): void {
    RemoteRouter.#worker?.postMessage(JSON.stringify(message));
  }

  #take(message: FromRooms): void {
    switch (message.type) {
      case 'reply': {
        const { room, to, reply } = message;
        const trace = message.id === undefined ? undefined : this.#pending.get(message.id)?.trace;
        if (reply.type === 'entered')
          for (const ref of to) this.#members.set(ref.participant_id, { room, ref });
        return this.#replies.send(room, to, reply, trace);
      }
      case 'done':
        return this.#done(message.id);
      case 'counted':
        this.#counts.get(message.id)?.(message.rooms);
        this.#counts.delete(message.id);
        return;
      case 'logged':
        return this.#log(message.line);
    }
  }

  #done(id: number): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    const { room, from, trace } = pending;
    this.#pending.delete(id);
    this.#replies.send(room, [from], { type: 'done' }, trace);
    trace?.end();
    if (this.#pending.size === 0) this.#settle();
  }

  /** Answers in the place of the rooms that are no more. */
  #lost(): void {
    const members = [...this.#members.values()];
    this.#members.clear();
    for (const { room, ref } of members)
      this.#replies.send(room, [ref], { type: 'closed', message: LOST }, undefined);
    for (const [id, { room, from, command, trace }] of [...this.#pending]) {
      if (command.type === 'create' || command.type === 'join')
        this.#replies.send(room, [from], { type: 'refused', code: 'Internal', message: LOST }, trace);
      this.#done(id);
    }
  }

  async #quiet(): Promise<void> {
    while (this.#pending.size > 0)
      await new Promise<void>((resolve) => {
        this.#idle.push(resolve);
      });
  }

  #settle(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
