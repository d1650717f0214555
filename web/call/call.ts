import {
  Mesh,
  type MeshPeer,
  type RoomId,
  type RoomState,
  Signaling,
  type SignalingState,
} from '../../src/client/index.ts';
import type { LocalMedia } from '../media/local-media.ts';
import type { Source } from '../media/source.ts';
import { Store } from '../store.ts';
import { Chat } from './chat.ts';
import type { KeptCall } from './kept.ts';
import { CHANNEL } from './messages.ts';
import { Mute } from './mute.ts';
import { ReplacedError } from './notice.ts';
import { People } from './people.ts';
import { Statistics } from './statistics.ts';

/** Close code: another socket has taken the session (docs/protocol.md). */
const REPLACED = 4409;

/** How to get into a call: into a new room, or one that is there, or one that is opened again under its old id. */
export type Entrance =
  | { readonly type: 'create' }
  | { readonly type: 'join'; readonly roomId: RoomId; readonly createIfMissing?: boolean };

/** One stay in one room, from entering to leaving. */
export class Call {
  readonly signaling: Signaling;
  readonly mesh: Mesh;
  readonly people: People;
  readonly chat: Chat;
  readonly statistics: Statistics;
  readonly connection: Store<SignalingState>;
  /** The last error with each peer; under undefined that of no peer. */
  readonly errors = new Store<ReadonlyMap<MeshPeer | undefined, string>>(new Map());
  readonly #media: LocalMedia;
  readonly #over = new AbortController();

  /**
   * `session` keeps the seat over a reload; without a storage the reload enters anew. `kept`: this tab, or another one,
   * was in the call a moment ago.
   */
  constructor(
    url: URL,
    media: LocalMedia,
    name: Store<string>,
    session: Storage | undefined,
    kept: KeptCall | undefined,
  ) {
    const { signal } = this.#over;
    this.#media = media;
    this.signaling = new Signaling(url, { session });
    this.mesh = new Mesh(this.signaling, { channels: { [CHANNEL]: {} } });
    this.people = new People(this.signaling, this.mesh, media, name, signal);
    this.chat = new Chat(this.signaling, this.mesh, this.people, signal, kept);
    this.statistics = new Statistics(this.mesh, this.people, signal);
    this.connection = new Store(this.signaling.state);
    this.signaling.on('state', (state) => this.connection.set(state), { signal });
    this.mesh.on('error', ({ peer, error }) => this.#note(peer, error), { signal });
    this.signaling.on('error', (error) => this.#note(undefined, error), { signal });
    for (const source of [media.microphone, media.camera, media.screen]) this.#send(source);
    new Mute(this.mesh, media, signal);
  }

  /** Settles when we are in the room. Rejects with a SignalingError, or the signal's reason. */
  enter(entrance: Entrance, signal: AbortSignal): Promise<RoomState> {
    return entrance.type === 'create'
      ? this.signaling.createRoom({ signal })
      : this.signaling.joinRoom(entrance.roomId, {
          signal,
          createIfMissing: entrance.createIfMissing ?? false,
        });
  }

  /** Calls `ended` when the room is over without our leaving it. */
  onEnded(ended: (error: unknown) => void): void {
    const { signal } = this.#over;
    let lastError: unknown;
    this.signaling.on('error', (error) => (lastError = error), { signal });
    this.signaling.on(
      'state',
      ({ status, code }) => {
        if (status === 'closed') ended(code === REPLACED ? new ReplacedError() : lastError);
      },
      { signal },
    );
    this.signaling.on('room', (room) => room === undefined && queueMicrotask(() => ended(lastError)), {
      signal,
    });
  }

  /** Lets go of microphone, camera and screen: who has left is not captured. */
  stopCapturing(): void {
    this.#media.close();
  }

  /** Ends here, and returns what another tab needs to go on as the same participant. */
  handOver(): string | undefined {
    this.#over.abort();
    this.mesh.close();
    return this.signaling.handOver();
  }

  /** Leaves. Idempotent. */
  end(): void {
    this.#over.abort();
    this.mesh.close();
    this.signaling.close();
  }

  #note(peer: MeshPeer | undefined, error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    this.errors.set(new Map(this.errors.get()).set(peer, text));
  }

  /** Sends to all what a source captures, as it comes, changes and goes. */
  #send(source: Source): void {
    const { signal } = this.#over;
    let sent: readonly MediaStreamTrack[] = [];
    const sync = (): void => {
      const state = source.state.get();
      const tracks = state.status === 'live' ? state.tracks : [];
      const added = tracks.filter((track) => !sent.includes(track));
      for (const track of sent.filter((track) => !tracks.includes(track))) {
        const i = added.findIndex(({ kind }) => kind === track.kind);
        if (i < 0) this.mesh.removeTrack(track);
        else void this.mesh.replaceTrack(track, added.splice(i, 1)[0] as MediaStreamTrack);
      }
      for (const track of added) this.mesh.addTrack(track, source.stream);
      sent = tracks;
    };
    sync();
    signal.addEventListener('abort', source.state.subscribe(sync), { once: true });
  }
}
