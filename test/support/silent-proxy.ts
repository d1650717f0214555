import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A TCP proxy whose network can go away: while it is cut nothing goes through in either direction and neither end
 * is told; mended, everything goes on, what was held and what ended meanwhile included.
 */
export class SilentProxy {
  readonly wsUrl: URL;
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  /** A proxy to a server's WebSocket URL. */
  static async to(target: URL): Promise<SilentProxy> {
    const listener = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return new SilentProxy(listener, target);
  }

  private constructor(listener: Server, target: URL) {
    this.#listener = listener;
    this.wsUrl = new URL(target);
    this.wsUrl.port = String((listener.address() as AddressInfo).port);
    listener.on('connection', (client) => {
      const server = connect({ host: target.hostname, port: Number(target.port), allowHalfOpen: true });
      this.#join(client, server);
      this.#join(server, client);
    });
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.pause();
  }

  mend(): void {
    this.#isCut = false;
    for (const socket of this.#sockets) socket.resume();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#listener.close();
    await once(this.#listener, 'close');
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('data', (data) => to.write(data));
    from.on('end', () => to.end());
    from.on('error', () => {});
    from.on('close', () => {
      this.#sockets.delete(from);
      if (!this.#isCut) to.destroy();
    });
    if (this.#isCut) from.pause();
    else from.resume();
  }
}
