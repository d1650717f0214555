import type { CSSProperties } from 'react';
import type { Place } from '../call/layout.ts';

/** What a picture needs to be in its place, and to be made big. */
export interface Placing {
  style(key: string): CSSProperties;
  role(key: string): Place['role'] | undefined;
  /** Whether there is another picture, before which this one could be big. */
  readonly canChoose: boolean;
  isChosen(key: string): boolean;
  choose(key: string): void;
  setRatio(key: string, ratio: number): void;
}
