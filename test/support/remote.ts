import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Dialect } from '../../src/protocol/client.ts';
import type { ServerMessage } from '../../src/protocol/server.ts';

const SCRIPT = fileURLToPath(new URL('./remote-client.ts', import.meta.url));

type MessageOf<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;

/** A client in a process of its own (remote-client.ts), which keeps everything it hears over all its sockets. */
export class RemoteClient {
  readonly process: ChildProcess;
  /** Everything heard so far, in order. */
  readonly heard: (ServerMessage & { seq?: number })[] = [];
  #opened = false;
  #stderr = '';
  #hasExited = false;
  #wake: () => void = () => {};

  /** Starts one; `command` runs it, in a network namespace for instance. */
  constructor(url: URL | string, dialect: Dialect, command: readonly string[] = []) {
    const [program = '', ...args] = [...command, process.execPath, SCRIPT, String(url), dialect];
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.process = child;
    child.stdin.on('error', () => {}); // it has exited, which whoever waits for it hears
    child.stderr.on('data', (data) => {
      this.#stderr += data;
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { heard, open } = JSON.parse(line);
      if (heard) this.heard.push(heard);
      if (open) this.#opened = true;
      this.#wake();
    });
    child.on('close', () => {
      this.#hasExited = true;
      this.#wake();
    });
  }

  /** Settles when it has connected. */
  opened(): Promise<void> {
    return this.#until(() => this.#opened);
  }

  send(message: object): void {
    this.#command({ send: message });
  }

  /** Goes on with another socket, and leaves the old one as it is. */
  reconnect(): void {
    this.#command({ reconnect: true });
  }

  /** The first message of this type that `is` what is meant, waited for when it has not come yet. */
  async hears<T extends ServerMessage['type']>(
    type: T,
    is: (message: MessageOf<T>) => boolean = () => true,
  ): Promise<MessageOf<T>> {
    const find = () => this.allOf(type).find(is);
    await this.#until(() => find() !== undefined);
    return find() as MessageOf<T>;
  }

  /** All of one type heard so far. */
  allOf<T extends ServerMessage['type']>(type: T): MessageOf<T>[] {
    return this.heard.filter((message) => message.type === type) as MessageOf<T>[];
  }

  /** Creates a room and returns its id and this client's own. */
  async createRoom(): Promise<{ room_id: string; self_id: string }> {
    this.send({ type: 'CreateRoom' });
    const { room_id, self_id } = await this.hears('RoomCreated');
    return { room_id, self_id };
  }

  /** Joins a room; returns this client's id. */
  async joinRoom(room_id: string): Promise<string> {
    this.send({ type: 'JoinRoom', room_id });
    const { participant_id } = await this.hears('PeerConnected');
    await this.hears('RoomParticipants');
    return participant_id;
  }

  /** Ends the process without a word, a stopped one too. */
  async kill(): Promise<void> {
    if (this.#hasExited) return;
    const closed = once(this.process, 'close');
    this.process.kill('SIGKILL');
    await closed;
  }

  #command(command: object): void {
    this.process.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  async #until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) {
      if (this.#hasExited) throw new Error(`the client's process has exited: ${this.#stderr}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
