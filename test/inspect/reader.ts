import { once } from 'node:events';
import { type ClientOptions, WebSocket } from 'ws';
import type { Inspector } from '../../src/inspect/inspector.ts';

/** Everything a WebSocket of the inspector says. */
export class Reader<T extends { type: string }> {
  readonly texts: string[] = [];
  readonly frames: T[] = [];
  readonly socket: WebSocket;

  /** Rejects with what ws says of a refusal. */
  static async open<T extends { type: string }>(
    inspector: Inspector,
    protocol?: string,
    options: ClientOptions = {},
  ): Promise<Reader<T>> {
    const url = new URL('/ws', inspector.url);
    url.protocol = 'ws:';
    const reader = new Reader<T>(new WebSocket(url, protocol === undefined ? [] : [protocol], options));
    await once(reader.socket, 'open');
    return reader;
  }

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => {
      this.texts.push(String(data));
      this.frames.push(JSON.parse(String(data)));
    });
  }
}
