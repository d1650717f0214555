import { Signaling, type SignalingEvents, type SignalingOptions } from '../../src/client/index.ts';
import { FaultyProxy, type Passage } from '../support/proxy.ts';
import type { TestServer } from '../support/server.ts';
import { within } from '../support/wait.ts';

/** Soon on the slowest machine. */
const SOON = 30_000;

/** Something a client told. */
export interface Told {
  readonly type: keyof SignalingEvents;
  readonly event: unknown;
}

const TYPES: readonly (keyof SignalingEvents)[] = [
  'state',
  'room',
  'peerConnected',
  'peerDisconnected',
  'peerInterrupted',
  'peerResumed',
  'offer',
  'answer',
  'candidate',
  'resumed',
  'restarted',
  'draining',
  'error',
];

/** A client that keeps everything it tells, for tests to wait on and to read. */
export class Recorded extends Signaling {
  readonly told: Told[] = [];

  constructor(url: URL | string, options: SignalingOptions = {}) {
    super(url, options);
    for (const type of TYPES) this.on(type, (event) => this.told.push({ type, event }));
  }

  get id(): string {
    return this.selfId as string;
  }

  /** Every event of this type so far. */
  all<K extends keyof SignalingEvents>(type: K): SignalingEvents[K][] {
    return this.told.filter((told) => told.type === type).map(({ event }) => event as SignalingEvents[K]);
  }

  /** The first event of this type that fits, one that was told before included. */
  async once<K extends keyof SignalingEvents>(
    type: K,
    fits: (event: SignalingEvents[K]) => boolean = () => true,
  ): Promise<SignalingEvents[K]> {
    const [before] = this.all(type).filter(fits);
    return before ?? (await this.next(type, fits));
  }

  /** The next event of this type that fits. */
  async next<K extends keyof SignalingEvents>(
    type: K,
    fits: (event: SignalingEvents[K]) => boolean = () => true,
  ): Promise<SignalingEvents[K]> {
    const stop = new AbortController();
    const told = new Promise<SignalingEvents[K]>((resolve) => {
      this.on(type, (event) => fits(event) && resolve(event), stop);
    });
    try {
      return await within(SOON, `the next ${type} of ${this.selfId}`, told);
    } finally {
      stop.abort();
    }
  }

  /** Waits until the client is in this state. */
  async until(status: Signaling['state']['status']): Promise<void> {
    if (this.state.status !== status) await this.next('state', (state) => state.status === status);
  }

  /** Waits until so many are in its room. */
  async met(size: number): Promise<void> {
    if (this.room?.participants.length !== size) {
      await this.next('room', (room) => room?.participants.length === size);
    }
  }
}

const started: Signaling[] = [];

export function start(url: URL | string, options?: SignalingOptions): Recorded {
  const client = new Recorded(url, options);
  started.push(client);
  return client;
}

const proxies: FaultyProxy[] = [];

/** A proxy that closes with the clients. */
export async function proxyTo({ wsUrl }: Pick<TestServer, 'wsUrl'>): Promise<FaultyProxy> {
  const proxy = await FaultyProxy.listen(wsUrl);
  proxies.push(proxy);
  return proxy;
}

/** For afterEach. */
export async function closeAll(): Promise<void> {
  for (const client of started.splice(0)) client.close();
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
}

/** A room with so many clients in it, the first of which created it. */
export async function meet(url: URL | string, size: number, options?: SignalingOptions): Promise<Recorded[]> {
  const clients = Array.from({ length: size }, () => start(url, options));
  const [first, ...others] = clients;
  const { roomId } = await (first as Recorded).createRoom();
  for (const client of others) await client.joinRoom(roomId);
  await Promise.all(clients.map((client) => client.met(size)));
  return clients;
}

/** Alice, and Bob, whose socket is the proxy's first passage, in one room. */
export async function meetBehindProxy(server: TestServer, options?: SignalingOptions) {
  const proxy = await proxyTo(server);
  const [alice] = (await meet(server.wsUrl, 1)) as [Recorded];
  const bob = start(proxy.wsUrl, options);
  await bob.joinRoom(alice.room?.roomId as string);
  await alice.met(2);
  return { alice, bob, proxy, passage: proxy.passages[0] as Passage };
}

/** What went over the sockets of some clients, in order. */
export class Wire {
  readonly sent: Record<string, unknown>[] = [];
  readonly heard: Record<string, unknown>[] = [];
  /** The sockets that were opened. */
  readonly sockets: WebSocket[] = [];
  /** For `SignalingOptions.WebSocket`. */
  readonly WebSocket: typeof WebSocket;

  constructor(base: typeof WebSocket = WebSocket) {
    const wire = this;
    this.WebSocket = class extends base {
      constructor(url: string | URL) {
        super(url);
        wire.sockets.push(this);
        this.addEventListener('message', ({ data }) => wire.heard.push(JSON.parse(data)));
      }

      override send(text: string): void {
        wire.sent.push(JSON.parse(text));
        super.send(text);
      }
    };
  }
}
