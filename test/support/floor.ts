/**
 * Takes away what the oldest browsers that the docs name do not have (docs/client.md, docs/call-page.md), to be run in a
 * page before anything else. The versions say where each is newer than that.
 */
export const OLD_BROWSER = `
for (const [owner, ...names] of [
  [AbortSignal, 'any'], // Chrome 116, Safari 17.4
  [Crypto.prototype, 'randomUUID'], // missing on plain http
  [Promise, 'withResolvers', 'try'], // Chrome 119 and 128
  [Array, 'fromAsync'], // Chrome 121
  [Object, 'groupBy'], // Chrome 117
  [Map, 'groupBy'],
  [Map.prototype, 'getOrInsert', 'getOrInsertComputed'],
  [Set.prototype, 'union', 'intersection', 'difference', 'symmetricDifference'], // Chrome 122
  [Set.prototype, 'isSubsetOf', 'isSupersetOf', 'isDisjointFrom'],
  [globalThis.Iterator?.prototype ?? {}, 'map', 'filter', 'take', 'drop', 'flatMap', 'reduce'], // Chrome 122
  [globalThis.Iterator?.prototype ?? {}, 'toArray', 'forEach', 'some', 'every', 'find'],
  [ArrayBuffer.prototype, 'transfer', 'transferToFixedLength'], // Chrome 114
  [URL, 'canParse', 'parse'], // Chrome 120 and 126
  [RegExp, 'escape'], // Chrome 136
  [Error, 'isError'], // Chrome 134
  [Uint8Array, 'fromBase64', 'fromHex'], // Chrome 140
  [Uint8Array.prototype, 'toBase64', 'toHex'],
  [Document.prototype, 'startViewTransition'],
]) {
  for (const name of names) delete owner[name];
}
`;

/** What the client does without besides: it runs in older browsers than the page. */
export const OLDER_BROWSER = `${OLD_BROWSER}
for (const [owner, ...names] of [
  [AbortSignal, 'timeout'], // Chrome 103, Safari 16
  [Array.prototype, 'toSorted', 'toReversed', 'toSpliced', 'with'], // Chrome 110, Safari 16
  [String.prototype, 'isWellFormed', 'toWellFormed'], // Chrome 111, Safari 16.4
]) {
  for (const name of names) delete owner[name];
}
`;
