import type { Mesh, ParticipantId } from '../../src/client/index.ts';
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

/** What is kept of a long talk. */
const MAX_MESSAGES = 500;

/** The text chat: it goes to those who are here, as soon as they are reached, and nobody keeps it. */
export class Chat {
  readonly messages = new Store<readonly ChatMessage[]>([]);
  readonly #mesh: Mesh;
  readonly #people: People;
  /** What is to be sent to those who are not reached yet. */
  readonly #waiting = new Map<ParticipantId, readonly string[]>();
  #count = 0;

  constructor(mesh: Mesh, people: People, signal: AbortSignal) {
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
  }

  send(text: string): void {
    const written = cut(text.trim(), MAX_TEXT_LENGTH);
    if (written === '') return;
    this.#deliver(encode({ type: 'chat', text: written }));
    this.#add({ isOwn: true, name: this.#people.self.name, text: written });
  }

  #deliver(data: string): void {
    const others = this.#people.list.get().filter(({ isSelf }) => !isSelf);
    const ids = others.map(({ peer, key }) => peer?.id ?? key);
    for (const id of this.#waiting.keys()) if (!ids.includes(id)) this.#waiting.delete(id);
    for (const id of ids) {
      if (this.#mesh.send(CHANNEL, data, id) > 0) continue;
      this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), data].slice(-MAX_MESSAGES));
    }
  }

  #catchUp(id: ParticipantId): void {
    for (const data of this.#waiting.get(id) ?? []) this.#mesh.send(CHANNEL, data, id);
    this.#waiting.delete(id);
  }

  #add(message: Omit<ChatMessage, 'key' | 'at'>): void {
    this.#count += 1;
    const added = { ...message, key: this.#count, at: Date.now() };
    this.messages.set([...this.messages.get(), added].slice(-MAX_MESSAGES));
  }
}
