import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A real HTTP server on a free port of 127.0.0.1, whose answers a test may exchange. */
export interface HttpServer {
  readonly url: URL;
  /** Requests so far. */
  readonly requests: number;
  answer(listener: RequestListener): void;
  stop(): Promise<void>;
}

export async function startHttp(listener: RequestListener): Promise<HttpServer> {
  let current = listener;
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    current(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}/`),
    get requests() {
      return requests;
    },
    answer(next) {
      current = next;
    },
    async stop() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Answers every request with this value as JSON. */
export function json(value: unknown, status = 200): RequestListener {
  return (_, response) => {
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
  };
}
