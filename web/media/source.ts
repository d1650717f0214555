import { Store } from '../store.ts';
import { type Trouble, troubleOf } from './trouble.ts';

/**
 * off: nothing is captured. opening: the browser may be asking its user. live: captured. failed: `trouble` says why.
 */
export type SourceState =
  | { readonly status: 'off' | 'opening' }
  | { readonly status: 'live'; readonly tracks: readonly MediaStreamTrack[] }
  | { readonly status: 'failed'; readonly trouble: Trouble };

/** What captures: `deviceId` is empty for the browser's choice. Throws what getUserMedia throws. */
export type Capture = (deviceId: string) => Promise<MediaStream>;

/** A microphone, a camera or a screen: opened, closed, changed for another. */
export class Source {
  readonly state = new Store<SourceState>({ status: 'off' });
  /** Holds the tracks captured. Always the same, so that its id tells others what a track is. */
  readonly stream = new MediaStream();
  readonly #capture: Capture;
  readonly #ended: (source: Source) => void;
  /** Counts requests: an answer to any but the last is thrown away. */
  #request = 0;

  /**
   * What was captured may end by itself: unplugged, forbidden, stopped in the browser's own bar. Then it has failed,
   * unless `ended` does something about it.
   */
  constructor(capture: Capture, ended: (source: Source) => void) {
    this.#capture = capture;
    this.#ended = ended;
  }

  get isOn(): boolean {
    return ['opening', 'live'].includes(this.state.get().status);
  }

  /** Captures; what was captured before goes on until then, and beyond if this fails. Never throws. */
  async open(deviceId = ''): Promise<Trouble | undefined> {
    this.#request += 1;
    const request = this.#request;
    const wasLive = this.state.get().status === 'live';
    if (!wasLive) this.state.set({ status: 'opening' });
    try {
      const captured = await this.#capture(deviceId);
      if (request === this.#request) this.#hold(captured.getTracks());
      else stop(captured.getTracks());
      return undefined;
    } catch (error) {
      if (request !== this.#request) return undefined;
      const trouble = troubleOf(error);
      if (!wasLive) this.#end(trouble);
      return trouble;
    }
  }

  close(): void {
    this.#request += 1;
    this.#release();
    this.#end();
  }

  #end(trouble?: Trouble): void {
    this.state.set(trouble === undefined ? { status: 'off' } : { status: 'failed', trouble });
  }

  #hold(tracks: readonly MediaStreamTrack[]): void {
    this.#release();
    for (const track of tracks) {
      this.stream.addTrack(track);
      track.onended = () => {
        this.#request += 1;
        this.#release();
        this.#end('ended');
        this.#ended(this);
      };
    }
    this.state.set({ status: 'live', tracks });
  }

  #release(): void {
    const tracks = this.stream.getTracks();
    for (const track of tracks) this.stream.removeTrack(track);
    stop(tracks);
  }
}

function stop(tracks: readonly MediaStreamTrack[]): void {
  for (const track of tracks) {
    track.onended = null;
    track.stop();
  }
}
