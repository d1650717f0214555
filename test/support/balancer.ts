import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP balancer before several servers: a new connection goes to the server that is the target now. */
export class Balancer {
  readonly wsUrl: URL;
  #target: URL;
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();

  /** A balancer to a server's WebSocket URL. */
  static async to(target: URL): Promise<Balancer> {
    const listener = createServer().listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return new Balancer(listener, target);
  }

  private constructor(listener: Server, target: URL) {
    this.#listener = listener;
    this.#target = target;
    this.wsUrl = new URL(target);
    this.wsUrl.port = String((listener.address() as AddressInfo).port);
    listener.on('connection', (client) => {
      const server = connect(Number(this.#target.port), this.#target.hostname);
      client.pipe(server).pipe(client);
      for (const socket of [client, server]) {
        this.#sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
          this.#sockets.delete(socket);
          client.destroy();
          server.destroy();
        });
      }
    });
  }

  /** Connections that are open already stay where they are. */
  moveTo(target: URL): void {
    this.#target = target;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#listener.close();
    await once(this.#listener, 'close');
  }
}
