import { HUES, hueOf } from './initials.ts';

/** Gives each person in a room a colour that no other has, while there are enough colours. */
export class Hues {
  readonly #byKey = new Map<string, { readonly text: string; readonly hue: number }>();

  /** The colour of the text (a name) if it is free, else the next free one. It stays while the text stays. */
  of(key: string, text: string): number {
    const own = this.#byKey.get(key);
    if (own?.text === text) return own.hue;
    this.#byKey.delete(key);
    const taken = new Set([...this.#byKey.values()].map(({ hue }) => hue));
    const wanted = hueOf(text);
    const order = Array.from({ length: HUES }, (_, i) => (wanted + i) % HUES);
    const hue = order.find((each) => !taken.has(each)) ?? wanted;
    this.#byKey.set(key, { text, hue });
    return hue;
  }

  /** Frees the colours of those who have left. */
  keep(keys: readonly string[]): void {
    for (const key of this.#byKey.keys()) if (!keys.includes(key)) this.#byKey.delete(key);
  }
}
