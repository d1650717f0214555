// Ends the process on a Node that is too old for Bloom. Runs on any that knows ECMAScript modules: no newer syntax here.
import { readFileSync } from 'node:fs';

const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const wanted = engines.node.replace('>=', '');

if (isOlder(process.versions.node, wanted)) {
  console.error(
    `Bloom needs Node.js ${wanted} or newer, but this is ${process.versions.node} (${process.execPath}).`,
  );
  process.exit(1);
}

/** Compares dotted versions, number by number; a missing one is 0. */
function isOlder(version, than) {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number));
  const index = b.findIndex((part, i) => part !== (a[i] || 0));
  return index !== -1 && (a[index] || 0) < b[index];
}
