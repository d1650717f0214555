import type { RawSocket } from './raw-socket.ts';

/** How a load generator speaks to a server: what differs from one protocol to the next, and nothing else. */
export interface Dialect {
  /** Path and query of the next connection. */
  path(): string;
  /** What is sent comes back as it is, to the sender itself. */
  readonly isEcho?: true;
  /**
   * Brings the sockets into one room, where each sends to the next and the last to the first. Settles with one
   * function a socket: the message that carries `sdp` from it to its neighbour.
   */
  meet(sockets: readonly RawSocket[]): Promise<((sdp: string) => string | Uint8Array)[]>;
}

const json = (payload: Buffer) => JSON.parse(payload.toString());

/** What a bare relay is told: whom to send it to. It names each connection in its first message. */
const bare: Dialect = {
  path: () => '/',
  async meet(sockets) {
    const ids: string[] = await Promise.all(sockets.map(async (socket) => json(await socket.next()).id));
    return ids.map((_, i) => {
      const to = ids[(i + 1) % ids.length];
      return (sdp) => JSON.stringify({ type: 'Offer', to, sdp });
    });
  },
};

const bloom: Dialect = {
  path: () => '/ws',
  async meet(sockets) {
    const [first, ...others] = sockets as [RawSocket, ...RawSocket[]];
    first.send(JSON.stringify({ type: 'CreateRoom' }));
    const { room_id, self_id } = json(await first.nextWith('"RoomCreated"'));
    const ids = [self_id];
    for (const socket of others) {
      socket.send(JSON.stringify({ type: 'JoinRoom', room_id }));
      ids.push(json(await socket.nextWith('"PeerConnected"')).participant_id);
    }
    return ids.map((_, i) => {
      const to = ids[(i + 1) % ids.length];
      return (sdp) => JSON.stringify({ type: 'Offer', to, sdp });
    });
  },
};

/** Bytes that come back as they are: everybody is their own neighbour. */
const echo: Dialect = {
  path: () => '/',
  isEcho: true,
  meet: async (sockets) => sockets.map(() => (sdp) => JSON.stringify({ type: 'Offer', to: '', sdp })),
};

export const DIALECTS = { bare, bloom, echo };
export type DialectName = keyof typeof DIALECTS;
