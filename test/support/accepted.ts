import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

/**
 * Runs `connect`, which opens one connection to a server of this process; returns what it gave, and the server's
 * side of that connection.
 */
export async function accepting<T>(connect: () => Promise<T>): Promise<{ client: T; accepted: Socket }> {
  let accepted: Socket | undefined;
  const accept = (message: unknown) => {
    accepted = (message as { socket: Socket }).socket;
  };
  subscribe('net.server.socket', accept);
  try {
    const client = await connect();
    return { client, accepted: accepted as unknown as Socket };
  } finally {
    unsubscribe('net.server.socket', accept);
  }
}
