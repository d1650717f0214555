import type { Mesh, ParticipantId, Signaling } from '../../src/client/index.ts';
import { Store } from '../store.ts';
import { CHANNEL, cut, decode, encode, MAX_TEXT_LENGTH } from './messages.ts';
import type { People } from './people.ts';

export interface ChatMessage {
  readonly key: number;
  readonly isOwn: boolean;
  /** As they were called when they wrote it. */
  readonly name: string;
  readonly text: string;
  /** When it was sent or received, in milliseconds since the epoch. */
  readonly at: number;
}

/** Of a long talk the oldest messages are dropped. */
const MAX_MESSAGES = 500;

/**
 * The text chat. A message goes to everyone who is here, once their channel is open. The server never sees it.
 */
export class Chat {
  readonly messages: Store<readonly ChatMessage[]>;
  /** What is being written. It outlives the chat panel. */
  readonly draft: Store<string>;
  readonly #signaling: Signaling;
  readonly #mesh: Mesh;
  readonly #people: People;
  /** What is yet to be sent to whom, the oldest first. */
  readonly #waiting = new Map<ParticipantId, string[]>();
  #count: number;

  /** To be made after `people`, whose profile then goes before what waits. `kept` is what a reload kept. */
  constructor(
    signaling: Signaling,
    mesh: Mesh,
    people: People,
    signal: AbortSignal,
    kept: { readonly messages: readonly ChatMessage[]; readonly draft: string } = { messages: [], draft: '' },
  ) {
    this.messages = new Store(kept.messages);
    this.draft = new Store(kept.draft);
    this.#count = Math.max(0, ...kept.messages.map(({ key }) => key));
    this.#signaling = signaling;
    this.#mesh = mesh;
    this.#people = people;
    mesh.on(
      'message',
      ({ peer, data }) => {
        const message = decode(data);
        if (message?.type !== 'chat') return;
        this.#add({ isOwn: false, name: people.of(peer)?.name ?? '', text: message.text });
      },
      { signal },
    );
    mesh.on('channelOpen', ({ peer }) => this.#catchUp(peer.id), { signal });
    mesh.on('renamed', ({ peer, previousId }) => this.#rename(previousId, peer.id), { signal });
  }

  send(text: string): void {
    const written = cut(text.trim(), MAX_TEXT_LENGTH);
    if (written === '') return;
    this.#deliver(encode({ type: 'chat', text: written }));
    this.#add({ isOwn: true, name: this.#people.self.name, text: written });
  }

  #deliver(data: string): void {
    const { selfId, room } = this.#signaling;
    const ids = new Set([...this.#mesh.peers.keys(), ...(room?.participants ?? [])]);
    ids.delete(selfId as ParticipantId);
    for (const id of this.#waiting.keys()) if (!ids.has(id)) this.#waiting.delete(id); // they have left
    for (const id of ids) {
      this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), data].slice(-MAX_MESSAGES));
      this.#catchUp(id);
    }
  }

  /** Sends what waits, as far as the channel takes it. */
  #catchUp(id: ParticipantId): void {
    const waiting = this.#waiting.get(id) ?? [];
    while (waiting.length > 0 && this.#mesh.send(CHANNEL, waiting[0] as string, id) > 0) waiting.shift();
    if (waiting.length === 0) this.#waiting.delete(id);
  }

  /** Somebody we knew has another id: what waits under that went to them already. */
  #rename(previousId: ParticipantId, id: ParticipantId): void {
    this.#waiting.set(id, this.#waiting.get(previousId) ?? []);
    this.#waiting.delete(previousId);
    this.#catchUp(id);
  }

  #add(message: Omit<ChatMessage, 'key' | 'at'>): void {
    this.#count += 1;
    const added = { ...message, key: this.#count, at: Date.now() };
    this.messages.set([...this.messages.get(), added].slice(-MAX_MESSAGES));
  }
}
