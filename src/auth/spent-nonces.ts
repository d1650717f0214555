/** The nonces of successful verifications, for as long as they would be valid. In a cluster another one, which is shared. */
export interface SpentNonces {
  /** Spends a nonce in one step. `full`: too many are remembered, and nothing was spent. */
  spend(nonce: string, lifeMs: number): SpendResult | Promise<SpendResult>;
}

export type SpendResult = 'spent' | 'was spent' | 'full';

export class LocalSpentNonces implements SpentNonces {
  readonly #max: number;
  readonly #now: () => number;
  /** Until when each is remembered. Lives are alike, so the order of insertion is nearly that of the ends. */
  readonly #ends = new Map<string, number>();

  constructor(max: number, now: () => number = () => performance.now()) {
    this.#max = max;
    this.#now = now;
  }

  get size(): number {
    return this.#ends.size;
  }

  spend(nonce: string, lifeMs: number): SpendResult {
    if (this.#ends.has(nonce)) return 'was spent';
    const now = this.#now();
    for (const [old, end] of this.#ends) {
      if (end > now) break;
      this.#ends.delete(old);
    }
    if (this.#ends.size >= this.#max) return 'full';
    this.#ends.set(nonce, now + lifeMs);
    return 'spent';
  }
}
