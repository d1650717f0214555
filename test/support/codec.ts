import { bloomDialect } from '../../src/codec/bloom.ts';
import type { Outgoing } from '../../src/codec/outgoing.ts';

/** Of Bloom's own dialect, for tests that write with no transport of their own. */
export const codec = bloomDialect().open();

export const textOf = (outgoing: Outgoing): string => outgoing.textBy(codec);
