import type { ClientOptions } from 'ws';
import type { NumberedMessage, Ready, ServerMessage } from '../../src/protocol/server.ts';
import { TestClient } from './client.ts';

/** What a Hello brings to take up an earlier session. */
export interface Resumption {
  readonly resume_token: string;
  readonly last_seq: number;
}

/** A client that said Hello and was answered. */
export class Session {
  readonly client: TestClient;
  readonly ready: Ready;
  readonly #before: number;

  static async open(
    url: URL | string,
    resumption?: Resumption,
    options: ClientOptions = {},
  ): Promise<Session> {
    const client = await TestClient.connect(url, options);
    client.send({ type: 'Hello', ...resumption });
    const ready = await client.next();
    if (ready.type !== 'Ready') throw new Error(`answered ${JSON.stringify(ready)}`);
    return new Session(client, ready, resumption?.last_seq ?? 0);
  }

  private constructor(client: TestClient, ready: Ready, before: number) {
    this.client = client;
    this.ready = ready;
    this.#before = ready.resumed ? before : 0;
  }

  get id(): string {
    return this.ready.participant_id;
  }

  /** Everything heard in this session since Ready. */
  get numbered(): NumberedMessage[] {
    return this.client.heard.slice(1) as NumberedMessage[];
  }

  /** The number of the latest message heard. */
  get lastSeq(): number {
    return this.numbered.at(-1)?.seq ?? this.#before;
  }

  /** What a Hello has to bring to take this session up again. */
  get resumption(): Resumption {
    return { resume_token: this.ready.resume_token, last_seq: this.lastSeq };
  }

  /** Loses its socket, as a broken network does. */
  async lose(): Promise<void> {
    this.client.socket.terminate();
    await this.client.closed;
  }

  /** Takes this session up on another socket. */
  resume(url: URL | string, options: ClientOptions = {}): Promise<Session> {
    return Session.open(url, this.resumption, options);
  }
}

/** Messages without their numbers. */
export function bare(messages: readonly ServerMessage[]): ServerMessage[] {
  return messages.map((message) => {
    const { seq: _, ...rest } = message as NumberedMessage;
    return rest as ServerMessage;
  });
}

/** The numbers of messages. */
export function seqs(messages: readonly ServerMessage[]): number[] {
  return messages.map((message) => (message as NumberedMessage).seq);
}
