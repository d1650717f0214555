import type { RoomId } from '../../src/client/index.ts';
import { Store } from '../store.ts';
import { type KeptCall, readCall } from './kept.ts';

/** What the tabs of one browser tell one another. */
type TabMessage =
  /** Which tab is in this room? */
  | { readonly type: 'ask'; readonly roomId: RoomId }
  /** This tab is. */
  | { readonly type: 'here'; readonly roomId: RoomId }
  /** This tab has left it. */
  | { readonly type: 'gone'; readonly roomId: RoomId }
  /** Leave it: another tab goes on with the call. */
  | { readonly type: 'take'; readonly roomId: RoomId }
  /** This tab has left, and this is the state of the call. */
  | { readonly type: 'given'; readonly roomId: RoomId; readonly kept: KeptCall };

type Channel = Pick<BroadcastChannel, 'postMessage' | 'onmessage'>;

/** A tab in the same browser answers well within these. */
const ANSWER_MS = 250;
const HAND_OVER_MS = 1000;

/** Finds the tab that is in a call already, so that one person is not in a room twice. */
export class Tabs {
  /** The room of this tab's link, while another tab is in it. */
  readonly elsewhere = new Store<RoomId | undefined>(undefined);
  readonly #channel: Channel | undefined;
  readonly #giveUp: () => KeptCall | undefined;
  #linked: RoomId | undefined;
  #joined: RoomId | undefined;
  #given: ((kept: KeptCall | undefined) => void) | undefined;

  /** `giveUp` leaves the call for another tab. Without a `channel` every tab is alone. */
  constructor(channel: Channel | undefined, giveUp: () => KeptCall | undefined) {
    this.#channel = channel;
    this.#giveUp = giveUp;
    if (channel !== undefined) channel.onmessage = ({ data }) => this.#hear(data as TabMessage);
  }

  /** The room of this tab's link, and the room that this tab is in. To be called after each change. */
  update(linked: RoomId | undefined, joined: RoomId | undefined): void {
    const [hadLinked, hadJoined] = [this.#linked, this.#joined];
    [this.#linked, this.#joined] = [linked, joined];
    if (hadJoined !== undefined && hadJoined !== joined) this.#tell({ type: 'gone', roomId: hadJoined });
    if (joined !== undefined && hadJoined !== joined) this.#tell({ type: 'here', roomId: joined });
    if (linked === hadLinked && joined === hadJoined) return;
    this.elsewhere.set(undefined);
    if (linked !== undefined) this.#tell({ type: 'ask', roomId: linked });
  }

  /** Whether another tab is in the room of this tab's link. */
  async isElsewhere(): Promise<boolean> {
    if (this.#channel === undefined || this.#linked === undefined) return false;
    this.#tell({ type: 'ask', roomId: this.#linked });
    if (this.elsewhere.get() !== undefined) return true;
    await new Promise<void>((resolve) => {
      setTimeout(done, ANSWER_MS);
      const stop = this.elsewhere.subscribe(done);
      function done(): void {
        stop();
        resolve();
      }
    });
    return this.elsewhere.get() !== undefined;
  }

  /** The other tab leaves the call. Resolves with its state; undefined: the tab is gone, or does not answer. */
  async take(roomId: RoomId): Promise<KeptCall | undefined> {
    return new Promise((resolve) => {
      this.#given = resolve;
      setTimeout(resolve, HAND_OVER_MS);
      this.#tell({ type: 'take', roomId });
    });
  }

  #hear(message: TabMessage): void {
    const { type, roomId } = message;
    switch (type) {
      case 'ask':
        if (roomId === this.#joined) this.#tell({ type: 'here', roomId });
        return;
      case 'here':
        if (roomId === this.#linked) this.elsewhere.set(roomId);
        return;
      case 'gone':
        if (roomId === this.elsewhere.get()) this.elsewhere.set(undefined);
        return;
      case 'take': {
        if (roomId !== this.#joined) return;
        const kept = this.#giveUp();
        if (kept !== undefined) this.#tell({ type: 'given', roomId, kept });
        return;
      }
      case 'given':
        return this.#given?.(readCall(message.kept, Date.now()));
    }
  }

  #tell(message: TabMessage): void {
    this.#channel?.postMessage(message);
  }
}
