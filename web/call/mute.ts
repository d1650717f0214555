import type { Mesh } from '../../src/client/index.ts';
import type { LocalMedia } from '../media/local-media.ts';

/**
 * Muted, not even silence is sent: it would cost as much as speech, seven times over. The track is disabled too
 * (LocalMedia), so nothing is heard whatever happens here.
 */
export class Mute {
  readonly #mesh: Mesh;
  readonly #media: LocalMedia;
  /** One after the other: a sender takes parameters only while none are being set. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(mesh: Mesh, media: LocalMedia, signal: AbortSignal) {
    this.#mesh = mesh;
    this.#media = media;
    mesh.on('peerState', () => this.#apply(), { signal });
    for (const store of [media.isMuted, media.microphone.state]) {
      const stop = store.subscribe(() => this.#apply());
      signal.addEventListener('abort', stop, { once: true });
    }
  }

  #apply(): void {
    this.#last = this.#last.then(() => Promise.all(this.#senders().map((sender) => this.#set(sender))));
  }

  #senders(): readonly RTCRtpSender[] {
    const tracks = this.#media.microphone.stream.getAudioTracks();
    return [...this.#mesh.peers.values()].flatMap(({ connection }) =>
      connection.getSenders().filter(({ track }) => tracks.some((each) => each === track)),
    );
  }

  async #set(sender: RTCRtpSender): Promise<void> {
    const active = !this.#media.isMuted.get();
    const parameters = sender.getParameters();
    if (parameters.encodings.every((encoding) => (encoding.active ?? true) === active)) return;
    for (const encoding of parameters.encodings) encoding.active = active;
    try {
      await sender.setParameters(parameters);
    } catch {
      // The connection has closed meanwhile; or this browser cannot, and then it is silence that is sent.
    }
  }
}
