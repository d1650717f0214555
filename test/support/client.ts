import { once } from 'node:events';
import { afterEach, expect } from '@jest/globals';
import { type ClientOptions, WebSocket } from 'ws';
import type { ServerMessage } from '../../src/protocol/server.ts';
import { validateServerMessage } from '../../src/protocol/validation.ts';
import { RemoteRouter } from './remote/router.ts';

type MessageType = ServerMessage['type'];
type MessageOf<T extends MessageType> = Extract<ServerMessage, { type: T }>;

/** What servers sent that their schemas do not allow. */
const invalidMessages: string[] = [];
afterEach(() => expect(invalidMessages.splice(0)).toEqual([]));

/** A client that keeps everything it hears, for tests to wait on and to read; all of it has to fit the schemas. */
export class TestClient {
  readonly socket: WebSocket;
  /** Everything heard so far, in order. */
  readonly heard: ServerMessage[] = [];
  /** Settles with the close code. */
  readonly closed: Promise<number>;
  #read = 0;
  #pings = 0;
  #isSession = false;
  #wake: (() => void) | undefined;

  static async connect(url: URL | string, options: ClientOptions = {}): Promise<TestClient> {
    const client = new TestClient(new WebSocket(url, options));
    await once(client.socket, 'open');
    return client;
  }

  private constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.on('close', (code) => {
        resolve(code);
        this.#wake?.();
      });
    });
    socket.on('error', () => {});
    socket.on('message', (data) => {
      const message = JSON.parse(data.toString());
      this.heard.push(message);
      this.#isSession ||= message.type === 'Ready';
      const problem = validateServerMessage(message, this.#isSession ? 'session' : 'base');
      if (problem !== undefined) invalidMessages.push(`${data}: ${problem}`);
      this.#wake?.();
    });
  }

  /** Sends an object as JSON, or text and bytes as they are. */
  send(message: object | string | Uint8Array): void {
    const raw = typeof message === 'string' || message instanceof Uint8Array;
    this.socket.send(raw ? message : JSON.stringify(message));
  }

  /** The next message not read yet; fails when the socket closes first. */
  async next(): Promise<ServerMessage> {
    while (this.#read === this.heard.length) {
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error('closed before the next message');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.heard[this.#read++] as ServerMessage;
  }

  /** Reads on until a message of this type. */
  async nextOf<T extends MessageType>(type: T): Promise<MessageOf<T>> {
    for (;;) {
      const message = await this.next();
      if (message.type === type) return message as MessageOf<T>;
    }
  }

  /** Messages heard and not read yet; they count as read now. */
  unread(): ServerMessage[] {
    const messages = this.heard.slice(this.#read);
    this.#read = this.heard.length;
    return messages;
  }

  /**
   * Waits until the server has handled all this client sent, and this client has heard all the server had
   * written to it by then: a ping comes back behind them. Tests of silence need no sleep. A room in another thread answers
   * later, and the second ping is behind that.
   */
  async settled(): Promise<void> {
    await this.#ponged();
    if (await RemoteRouter.quiet()) await this.#ponged();
  }

  async #ponged(): Promise<void> {
    const payload = `settled ${this.#pings++}`;
    await new Promise<void>((resolve, reject) => {
      const pong = (data: Buffer) => data.toString() === payload && done(resolve);
      const closed = () =>
        done(() => this.closed.then((code) => reject(new Error(`closed with ${code} before the pong`))));
      const done = (settle: () => void) => {
        this.socket.off('pong', pong).off('close', closed);
        settle();
      };
      this.socket.on('pong', pong).on('close', closed);
      if (this.socket.readyState === WebSocket.CLOSED) return closed();
      this.socket.ping(payload);
    });
  }

  /** Creates a room; returns its id and this client's own. */
  async createRoom(): Promise<{ room_id: string; self_id: string }> {
    this.send({ type: 'CreateRoom' });
    const { room_id, self_id } = await this.nextOf('RoomCreated');
    await this.nextOf('RoomParticipants');
    return { room_id, self_id };
  }

  /** Joins a room; returns this client's id. */
  async joinRoom(room_id: string): Promise<string> {
    this.send({ type: 'JoinRoom', room_id });
    const { participant_id } = await this.nextOf('PeerConnected');
    await this.nextOf('RoomParticipants');
    return participant_id;
  }

  close(code = 1000): void {
    this.socket.close(code);
  }
}

/** A room with `size` clients in it, each having read everything; the first created it. */
export async function seat(
  url: URL | string,
  size: number,
  options: ClientOptions = {},
): Promise<{ room_id: string; clients: TestClient[]; ids: string[] }> {
  const creator = await TestClient.connect(url, options);
  const { room_id, self_id } = await creator.createRoom();
  const clients = [creator];
  const ids = [self_id];
  while (clients.length < size) {
    const client = await TestClient.connect(url, options);
    ids.push(await client.joinRoom(room_id));
    clients.push(client);
  }
  for (const client of clients) {
    await client.settled();
    client.unread();
  }
  return { room_id, clients, ids };
}
