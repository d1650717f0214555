/** Runs an example, `npm run example:chat`: a Bloom server, and a web server for the page and the client SDK. */
import { readFile } from 'node:fs/promises';
import { createServer as createWebServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build } from 'esbuild';
import { createLogger, createServer, readConfig } from '../src/index.ts';

const [example] = process.argv.slice(2);
const { PORT = '3000', BLOOM_PORT = '0' } = process.env; // 0: any port that is free
const path = (name: string) => new URL(name, import.meta.url).pathname;

const bloom = createServer(readConfig({ HOST: 'localhost', PORT: BLOOM_PORT }), createLogger('warn'));
const { port } = await bloom.listen();

const page = (await readFile(path(`${example}.html`), 'utf8')).replace('localhost:8080', `localhost:${port}`);
const client = await build({
  entryPoints: [path('../src/client/index.ts')],
  bundle: true,
  format: 'esm',
  write: false,
});

const scripts: Readonly<Record<string, string | undefined>> = {
  '/client.js': client.outputFiles[0]?.text,
  '/simple-peer.js': await readFile(path('../node_modules/simple-peer/simplepeer.min.js'), 'utf8'),
};
const web = createWebServer(({ url = '' }, response) => {
  const script = scripts[url];
  const [type, body] = script === undefined ? ['html', page] : ['javascript', script];
  response.setHeader('content-type', `text/${type}; charset=utf-8`).end(body);
});
web.on('listening', () => {
  process.stdout.write(`Open http://localhost:${(web.address() as AddressInfo).port} in two windows.\n`);
});
web.once('error', () => web.listen(0, 'localhost')); // the port is taken
web.listen(Number(PORT), 'localhost');
