import type {
  Mesh,
  MeshPeer,
  MeshPeerState,
  ParticipantId,
  PeerReasonCode,
  Signaling,
} from '../../src/client/index.ts';
import type { LocalMedia } from '../media/local-media.ts';
import { Store } from '../store.ts';
import { Hues } from './hues.ts';
import { CHANNEL, decode, encode, nameIn, type Profile } from './messages.ts';

/** Somebody in the room, as the page shows them. */
export interface Person {
  /** Stays the same when the server restarts and ids change, and when they reload their page. */
  readonly key: string;
  readonly isSelf: boolean;
  /** Whether they have told who they are. */
  readonly isKnown: boolean;
  /** Empty until then, or when they have none. */
  readonly name: string;
  /** The colour that stands for them: 0 to 7, and no other person here has it while there are enough. */
  readonly hue: number;
  readonly isMuted: boolean;
  /** How they are connected with us; of ourselves always `connected`. */
  readonly state: MeshPeerState;
  /** Why they are not reached, or not by all that is sent. */
  readonly reason?: PeerReasonCode;
  readonly peer?: MeshPeer;
  /** What is heard of them; never our own. */
  readonly voices: readonly MediaStreamTrack[];
  /** Our own microphone too. */
  readonly microphone?: MediaStreamTrack;
  readonly camera?: MediaStreamTrack;
  readonly screen?: MediaStreamTrack;
}

/** Our own key. */
export const SELF = 'self';

/** Outside of a call. */
export const NOBODY = new Store<readonly Person[]>([]);

/** What to call somebody who has no name, or has not told it. */
export function nameOf(
  { name }: Pick<Person, 'name'>,
  text: { readonly participants: { readonly guest: string } },
): string {
  return name || text.participants.guest;
}

/**
 * Who is in the room: what signalling knows of them (that they are there), the mesh (how they are connected, what they
 * send) and they themselves (their profile), as one list in join order, ourselves included.
 */
export class People {
  readonly list: Store<readonly Person[]>;
  readonly #signaling: Signaling;
  readonly #mesh: Mesh;
  readonly #media: LocalMedia;
  readonly #name: Store<string>;
  readonly #profiles = new WeakMap<MeshPeer, Profile>();
  /** A person who reloads has a new connection, and the same id: they keep their key and their last profile. */
  readonly #keys = new Map<ParticipantId, string>();
  readonly #lastProfiles = new Map<string, Profile>();
  readonly #hues = new Hues();
  #count = 0;

  constructor(signaling: Signaling, mesh: Mesh, media: LocalMedia, name: Store<string>, signal: AbortSignal) {
    this.#signaling = signaling;
    this.#mesh = mesh;
    this.#media = media;
    this.#name = name;
    this.list = new Store(this.#list());

    const update = () => this.list.set(this.#list());
    signaling.on('room', update, { signal });
    mesh.on('renamed', ({ peer, previousId }) => this.#rename(previousId, peer.id), { signal });
    for (const type of ['peer', 'peerState', 'renamed', 'peerClosed', 'track', 'trackEnded'] as const) {
      mesh.on(type, update, { signal });
    }
    mesh.on('channelOpen', ({ peer }) => void mesh.send(CHANNEL, this.#profile(), peer.id), { signal });
    mesh.on(
      'message',
      ({ peer, data }) => {
        const message = decode(data);
        if (message?.type !== 'profile') return;
        this.#profiles.set(peer, message);
        this.#lastProfiles.set(this.#keyOf(peer.id), message);
        update();
      },
      { signal },
    );
    const tell = (): void => {
      mesh.send(CHANNEL, this.#profile());
      update();
    };
    const { microphone, camera, screen, isMuted } = media;
    for (const store of [microphone.state, camera.state, screen.state, isMuted, name]) {
      const stop = store.subscribe(tell);
      signal.addEventListener('abort', stop, { once: true });
    }
  }

  /** The person at the other end of a connection. */
  of(peer: MeshPeer): Person | undefined {
    return this.list.get().find((person) => person.peer === peer);
  }

  get self(): Person {
    return this.list.get().find(({ isSelf }) => isSelf) as Person;
  }

  #list(): readonly Person[] {
    const order = this.#signaling.room?.participants ?? [];
    const place = (id: ParticipantId | undefined) => {
      const index = order.indexOf(id as ParticipantId);
      return index < 0 ? order.length : index;
    };
    const peers = [...this.#mesh.peers.values()];
    // After a server restart a peer has its old id for a while: then the newcomers may be those we know.
    const isSettled = peers.every(({ id }) => order.includes(id));
    const strangers = order.filter(
      (id) => id !== this.#signaling.selfId && !peers.some((peer) => peer.id === id),
    );
    const list = [
      { id: this.#signaling.selfId, person: this.#self() },
      ...peers.map((peer) => ({ id: peer.id, person: this.#person(peer) })),
      ...(isSettled ? strangers : []).map((id) => ({ id, person: this.#stranger(id) })),
    ]
      .sort((a, b) => place(a.id) - place(b.id))
      .map(({ person }) => person);
    this.#forgetAllBut(list.map(({ key }) => key));
    return list;
  }

  #self(): Person {
    const { microphone, camera, screen } = this.#media;
    return {
      key: SELF,
      isSelf: true,
      isKnown: true,
      name: nameIn(this.#name.get()),
      hue: this.#hues.of(SELF, nameIn(this.#name.get())),
      isMuted: this.#isMuted,
      state: 'connected',
      voices: [],
      ...track('microphone', microphone.stream.getAudioTracks()[0]),
      ...track('camera', camera.stream.getVideoTracks()[0]),
      ...track('screen', screen.stream.getVideoTracks()[0]),
    };
  }

  #person(peer: MeshPeer): Person {
    const profile = this.#profiles.get(peer);
    const voices = peer.tracks.filter(({ track }) => track.kind === 'audio');
    const videoOf = (id: string | undefined) =>
      peer.tracks.find(
        ({ track, streams }) => track.kind === 'video' && streams.some((stream) => stream.id === id),
      )?.track;
    const key = this.#keyOf(peer.id);
    const known = profile ?? this.#lastProfiles.get(key);
    const hasReloaded = profile === undefined && known !== undefined;
    const isScreenSound = ({ streams }: (typeof voices)[number]) =>
      streams.some(({ id }) => id === profile?.screen);
    return {
      key,
      isSelf: false,
      isKnown: known !== undefined,
      name: known?.name ?? '',
      hue: this.#hues.of(key, known?.name || key),
      isMuted: known?.isMuted ?? false,
      state: hasReloaded && peer.state === 'connecting' ? 'reconnecting' : peer.state,
      ...(peer.reason !== undefined && { reason: peer.reason.code }),
      peer,
      voices: voices.map(({ track }) => track),
      ...track('microphone', voices.find((voice) => !isScreenSound(voice))?.track),
      ...track('camera', videoOf(profile?.camera)),
      ...track('screen', videoOf(profile?.screen)),
    };
  }

  /** Somebody in the room with whom there is no connection yet. */
  #stranger(id: ParticipantId): Person {
    const key = this.#keyOf(id);
    const known = this.#lastProfiles.get(key);
    return {
      key,
      isSelf: false,
      isKnown: known !== undefined,
      name: known?.name ?? '',
      hue: this.#hues.of(key, known?.name || key),
      isMuted: known?.isMuted ?? false,
      state: known === undefined ? 'connecting' : 'reconnecting',
      voices: [],
    };
  }

  #keyOf(id: ParticipantId): string {
    const key = this.#keys.get(id) ?? `peer-${++this.#count}`;
    this.#keys.set(id, key);
    return key;
  }

  #rename(previousId: ParticipantId, id: ParticipantId): void {
    this.#keys.set(id, this.#keyOf(previousId));
    this.#keys.delete(previousId);
  }

  /** Those who have left do not come back under the same id. */
  #forgetAllBut(keys: readonly string[]): void {
    for (const [id, key] of this.#keys) {
      if (keys.includes(key)) continue;
      this.#keys.delete(id);
      this.#lastProfiles.delete(key);
    }
    this.#hues.keep(keys);
  }

  get #isMuted(): boolean {
    const { microphone, isMuted } = this.#media;
    return isMuted.get() || microphone.state.get().status !== 'live';
  }

  #profile(): string {
    const { camera, screen } = this.#media;
    const sent = (source: typeof camera) => source.state.get().status === 'live';
    return encode({
      type: 'profile',
      name: nameIn(this.#name.get()),
      isMuted: this.#isMuted,
      ...(sent(camera) && { camera: camera.stream.id }),
      ...(sent(screen) && { screen: screen.stream.id }),
    });
  }
}

function track<K extends string>(
  key: K,
  value: MediaStreamTrack | undefined,
): { readonly [key in K]?: MediaStreamTrack } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]: MediaStreamTrack });
}
