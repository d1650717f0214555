import type { Keys, VerificationKey } from './keys.ts';

/** Where keys come from: a file, or a key server. */
export interface KeySource {
  readonly keys: Keys;
  /** Looks for new keys, as after a rotation. Settles soon, at once where it has looked a moment ago, and never rejects. */
  refresh?(): Promise<void>;
}

/** The keys of all sources. Where two have a key of the same kid the earlier source wins. */
export class Keyring {
  readonly #sources: readonly KeySource[];

  constructor(sources: readonly KeySource[]) {
    this.#sources = sources;
  }

  /** Undefined where no source has the key, also after it looked for new ones. */
  async find(kid: string): Promise<VerificationKey | undefined> {
    return this.#known(kid) ?? (await this.#refreshed(() => this.#known(kid)));
  }

  /** The key of a token that names none: there must be no other. */
  async sole(): Promise<VerificationKey | undefined> {
    return this.#onlyOne() ?? (await this.#refreshed(() => this.#onlyOne()));
  }

  async #refreshed<T>(look: () => T): Promise<T> {
    await Promise.all(this.#sources.map((source) => source.refresh?.()));
    return look();
  }

  #known(kid: string): VerificationKey | undefined {
    for (const { keys } of this.#sources) {
      const key = keys.get(kid);
      if (key !== undefined) return key;
    }
    return undefined;
  }

  #onlyOne(): VerificationKey | undefined {
    const all = this.#sources.flatMap(({ keys }) => [...keys.values()]);
    return all.length === 1 ? all[0] : undefined;
  }
}
