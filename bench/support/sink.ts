/**
 * A collector that counts spans and forgets them, forked by bench/relay.ts: OTLP over http/protobuf in, 200 out.
 * Tells its port first, and then how many spans it has received after each request.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { countSpans } from './otlp.ts';

let spans = 0;
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    if (request.url === '/v1/traces') spans += countSpans(Buffer.concat(chunks));
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    process.send?.({ spans });
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
process.on('disconnect', () => process.exit(0));
