import { gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { build } from 'esbuild';

/** What a page downloads for the client, XState's actors included: minified and compressed. */

/** README.md names both. */
const LIMIT = 15_000;
const LIMIT_WITH_MESH = 36_000;

async function bundle(source: string) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: source, resolveDir: import.meta.dirname, loader: 'ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    write: false,
    metafile: true,
  });
  const [output] = outputFiles as [(typeof outputFiles)[number]];
  const contributions = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
  return {
    bytes: gzipSync(output.contents, { level: 9 }).length,
    inputs: contributions.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path),
    output,
  };
}

test('Signaling weighs less than 15 kB', async () => {
  const { bytes, inputs, output } = await bundle(
    "export { Signaling, SignalingError } from '../../src/client/index.ts';",
  );
  process.stderr.write(`The client: ${bytes} bytes minified and compressed, XState's actors included.\n`);
  expect(bytes).toBeLessThan(LIMIT);
  expect(inputs.filter((path) => /valibot|codes\.ts|mesh|peer|negotiation/.test(path))).toEqual([]);
  // Neither the prose of the codes nor XState's own interpreter.
  expect(output.text).not.toMatch(/what happened|StateMachine/);
});

test('Signaling and Mesh weigh less than 36 kB', async () => {
  const { bytes } = await bundle(
    "export { Mesh, Signaling, SignalingError } from '../../src/client/index.ts';",
  );
  process.stderr.write(`The client with Mesh: ${bytes} bytes minified and compressed.\n`);
  expect(bytes).toBeLessThan(LIMIT_WITH_MESH);
});

test('what is not used is not in the bundle', async () => {
  const { bytes } = await bundle("export { SignalingError } from '../../src/client/index.ts';");
  expect(bytes).toBeLessThan(500);
});
