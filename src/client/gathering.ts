import { frameBytes } from './capacity.ts';

type Connection = Pick<
  RTCPeerConnection,
  'createOffer' | 'setLocalDescription' | 'localDescription' | 'iceGatheringState' | 'addEventListener'
>;

/**
 * A description waits so long for candidates to ride in it, since each that does saves a message. Chromium has found
 * those of the machine itself after some 120 ms.
 */
const GATHERING_MS = 200;

/** The description that was made is larger than the server takes. */
export class TooLarge extends Error {
  constructor(bytes: number, limit: number) {
    super(`A description of ${bytes} bytes is larger than the ${limit} that it may have in a frame.`);
  }
}

/**
 * One connection's own descriptions and the candidates it finds: those found before a description is sent ride in it,
 * the others are for `trickle`, where null ends them.
 */
export class Gathering {
  readonly #connection: Connection;
  readonly #trickle: (candidate: RTCIceCandidateInit | null) => void;
  /** A description is being made and not sent yet. */
  #isDescribing = false;
  #ended: () => void = () => {};

  constructor(connection: Connection, trickle: (candidate: RTCIceCandidateInit | null) => void) {
    this.#connection = connection;
    this.#trickle = trickle;
    connection.addEventListener('icecandidate', ({ candidate }) => this.#found(candidate));
  }

  /**
   * Makes and sets an offer; calls `isSet` then. Throws a TooLarge when it has more bytes than `limit`. It is not set then: Chromium refuses
   * all further offers when an offer was rolled back and one of its transceivers was stopped.
   */
  async offer(limit: number, isSet: () => void): Promise<void> {
    const { sdp = '' } = await this.#connection.createOffer();
    const bytes = frameBytes(sdp);
    if (bytes > limit) throw new TooLarge(bytes, limit);
    await this.describe(isSet);
  }

  /** Makes and sets the local description that is due, offer or answer; calls `isSet` then, and returns its SDP. */
  async describe(isSet: () => void): Promise<string> {
    this.#isDescribing = true;
    await this.#connection.setLocalDescription();
    isSet();
    await this.#wait();
    return this.sdp;
  }

  /** Of the local description, with the candidates found so far. */
  get sdp(): string {
    return this.#connection.localDescription?.sdp ?? '';
  }

  /** The description is on its way: candidates found from now on have to go by themselves. */
  sent(): void {
    this.#isDescribing = false;
  }

  #found(candidate: RTCIceCandidate | null): void {
    const init = candidate?.candidate ? plain(candidate) : null;
    if (init === null) this.#ended();
    if (!this.#isDescribing) this.#trickle(init);
  }

  async #wait(): Promise<void> {
    if (this.#connection.iceGatheringState === 'complete') return;
    await new Promise<void>((resolve) => {
      this.#ended = resolve;
      setTimeout(resolve, GATHERING_MS);
    });
  }
}

function plain({
  candidate,
  sdpMid,
  sdpMLineIndex,
  usernameFragment,
}: RTCIceCandidateInit): RTCIceCandidateInit {
  return {
    candidate: candidate ?? '',
    ...(sdpMid != null && { sdpMid }),
    ...(sdpMLineIndex != null && { sdpMLineIndex }),
    ...(usernameFragment != null && { usernameFragment }),
  };
}
