import { Mesh, type MeshPeer, Signaling } from '../../../src/client/index.ts';
import type { Action, Kind } from './schedule.ts';
import { makeTrack, type Receiver, receive, recognisable } from './sources.ts';

/** Runs in each page of a storm: a participant that does what it is told, and says how it stands. */

/** One track as the sender knows it, or as it arrives: these are compared. */
export type Media = `${Kind} ${string} ${number | string}`;

export interface PeerStanding {
  readonly id: string;
  readonly state: string;
  readonly signaling: string;
  readonly connection: string;
  readonly negotiation: string;
  readonly received: readonly Media[];
  /** Each received track has brought more packets since the last look. */
  readonly isFlowing: boolean;
}

export interface Standing {
  readonly self: string | undefined;
  readonly participants: readonly string[];
  readonly status: string;
  readonly sent: readonly Media[];
  readonly peers: readonly PeerStanding[];
  /** UTF-16 units of the largest description that was handed to a socket, or that a connection holds now. */
  readonly largestDescription: number;
}

let largestDescription = 0;
const noteDescription = (sdp: string | undefined) => {
  largestDescription = Math.max(largestDescription, sdp?.length ?? 0);
};

class MeasuringWebSocket extends WebSocket {
  override send(data: string): void {
    const { sdp } = JSON.parse(data) as { sdp?: string };
    noteDescription(sdp);
    super.send(data);
  }
}

interface Source {
  readonly kind: Kind;
  readonly stream: MediaStream;
  track: MediaStreamTrack;
  content: number;
}

class StormPage {
  readonly #signaling: Signaling;
  readonly #mesh: Mesh;
  readonly #sources = new Map<number, Source>();
  readonly #receivers = new Map<MediaStreamTrack, Receiver>();
  readonly #packets = new Map<MediaStreamTrack, number>();
  readonly #begin = Date.now();
  /** What has happened, with its time in milliseconds. */
  readonly journal: string[] = [];

  constructor(url: string) {
    this.#signaling = new Signaling(url, {
      WebSocket: MeasuringWebSocket,
      reconnect: { baseMs: 200, capMs: 2000 },
    });
    this.#mesh = new Mesh(this.#signaling, { channels: { chat: {} } });
    this.#signaling.on('state', ({ status }) => this.#note(`signalling is ${status}`));
    this.#signaling.on('resumed', () => this.#note('resumed'));
    this.#signaling.on('restarted', () => this.#note('restarted'));
    this.#signaling.on('error', (error) => this.#note(`signalling: ${error}`));
    this.#mesh.on('error', ({ peer, error }) => this.#note(`error with ${peer.id.slice(0, 4)}: ${error}`));
    this.#mesh.on('peer', ({ id }) => this.#note(`peer ${id.slice(0, 4)}`));
    this.#mesh.on('peerState', ({ id, state }) => this.#note(`${state} ${id.slice(0, 4)}`));
    this.#mesh.on('track', ({ peer, track, streams }) =>
      this.#note(
        `track ${track.kind} of ${streams.map(({ id }) => id.slice(0, 4))} from ${peer.id.slice(0, 4)}`,
      ),
    );
    this.#mesh.on('trackEnded', ({ peer, track }) =>
      this.#note(`trackEnded ${track.kind} from ${peer.id.slice(0, 4)}`),
    );
    this.#mesh.on('peerClosed', ({ id }) => this.#note(`peerClosed ${id.slice(0, 4)}`));
    addEventListener('error', ({ message }) => this.#note(`uncaught: ${message}`));
    addEventListener('unhandledrejection', ({ reason }) => this.#note(`uncaught: ${reason}`));
  }

  async create(): Promise<string> {
    return (await this.#signaling.createRoom()).roomId;
  }

  async join(roomId: string): Promise<void> {
    await this.#signaling.joinRoom(roomId, { createIfMissing: true });
  }

  /** Begins the action. Its end and its failure go to the journal: a storm waits for neither. */
  act(action: Action, roomId: string): void {
    this.#note(JSON.stringify(action));
    this.#perform(action, roomId).catch((error) => this.#note(`${action.do} failed: ${error}`));
  }

  async #perform(action: Action, roomId: string): Promise<void> {
    switch (action.do) {
      case 'add': {
        const { kind, source, content } = action;
        const track = makeTrack(kind, content);
        const stream = new MediaStream([track]);
        this.#sources.set(source, { kind, stream, track, content });
        this.#note(`source ${source} is the stream ${stream.id.slice(0, 4)}`);
        return this.#mesh.addTrack(track, stream);
      }
      case 'remove': {
        const source = this.#sources.get(action.source) as Source;
        this.#sources.delete(action.source);
        this.#mesh.removeTrack(source.track);
        return source.track.stop();
      }
      case 'changeDevice':
        this.#sources.get(action.source)?.track.stop();
        return this.#replace(action);
      case 'replace':
        return this.#replace(action);
      case 'leave':
        return this.#signaling.leave();
      case 'join':
        return this.join(roomId);
      case 'restartIce':
        for (const { connection } of this.#mesh.peers.values()) connection.restartIce();
    }
  }

  async #replace({ source: number, content }: { source: number; content: number }): Promise<void> {
    const source = this.#sources.get(number) as Source;
    const former = source.track;
    source.track = makeTrack(source.kind, content);
    source.content = content;
    await this.#mesh.replaceTrack(former, source.track);
    former.stop();
  }

  /** For the journal: what each section of each connection says of its streams. */
  noteSections(): void {
    for (const { id, connection } of this.#mesh.peers.values()) {
      for (const end of ['local', 'remote'] as const) {
        const sections = connection[`${end}Description`]?.sdp.split(/^(?=m=)/m).slice(1) ?? [];
        for (const section of sections) {
          const lines = section.match(
            /^(?:m=\w+|a=mid:.*|a=msid:\S*|a=(?:sendrecv|sendonly|recvonly|inactive))/gm,
          );
          this.#note(`with ${id.slice(0, 4)}, ${end}: ${lines?.join(' ')}`);
        }
      }
    }
  }

  async standing(): Promise<Standing> {
    const peers = await Promise.all([...this.#mesh.peers.values()].map((peer) => this.#standingOf(peer)));
    this.#forgetReceivers();
    return {
      self: this.#signaling.selfId,
      participants: this.#signaling.room?.participants ?? [],
      status: this.#signaling.state.status,
      sent: [...this.#sources.values()]
        .map(({ kind, stream, content }) => `${kind} ${stream.id} ${recognisable(content)}` as const)
        .sort(),
      peers,
      largestDescription,
    };
  }

  async #standingOf(peer: MeshPeer): Promise<PeerStanding> {
    const { connection } = peer;
    noteDescription(connection.localDescription?.sdp);
    const flowing = await Promise.all(peer.tracks.map(({ track }) => this.#isFlowing(connection, track)));
    return {
      id: peer.id,
      state: peer.state,
      signaling: connection.signalingState,
      connection: connection.connectionState,
      negotiation: JSON.stringify(peer.actor.getSnapshot().value),
      received: (
        await Promise.all(peer.tracks.map(({ track, streams }) => this.#recognise(track, streams)))
      ).sort(),
      isFlowing: !flowing.includes(false),
    };
  }

  async #isFlowing(connection: RTCPeerConnection, track: MediaStreamTrack): Promise<boolean> {
    const receiver = connection.getReceivers().find((each) => each.track === track);
    let packets = 0;
    for (const stats of (await receiver?.getStats())?.values() ?? [])
      if (stats.type === 'inbound-rtp') packets += stats.packetsReceived;
    const former = this.#packets.get(track) ?? packets;
    this.#packets.set(track, packets);
    return packets > former;
  }

  async #recognise(track: MediaStreamTrack, streams: readonly MediaStream[]): Promise<Media> {
    const receiver = this.#receivers.get(track) ?? receive(track);
    this.#receivers.set(track, receiver);
    return `${track.kind as Kind} ${streams.map(({ id }) => id).join('+')} ${await receiver.content()}`;
  }

  #forgetReceivers(): void {
    const received = [...this.#mesh.peers.values()].flatMap(({ tracks }) => tracks.map(({ track }) => track));
    for (const [track, receiver] of this.#receivers) {
      if (received.includes(track)) continue;
      receiver.end();
      this.#receivers.delete(track);
    }
  }

  #note(line: string): void {
    this.journal.push(`${Date.now() - this.#begin} ${line}`);
  }
}

Object.assign(globalThis, { StormPage });
