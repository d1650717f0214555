/**
 * A collector that counts spans and forgets them, forked by bench/relay.ts: OTLP in, by SINK_PROTOCOL as
 * OTEL_EXPORTER_OTLP_PROTOCOL names them, and 200 out.
 * Tells its port first, and then how many spans it has received after each request.
 */
import { createServer, type RequestListener } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { countJsonSpans, countSpans } from './otlp.ts';

/** Before each message of gRPC: whether it is compressed, and its length. */
const GRPC_PREFIX_BYTES = 5;

let spans = 0;

async function take(body: AsyncIterable<Buffer>, count: (bytes: Buffer) => number): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  spans += count(Buffer.concat(chunks));
  process.send?.({ spans });
}

const answerHttp: RequestListener = async (request, response) => {
  const isJson = request.headers['content-type'] === 'application/json';
  await take(request, isJson ? countJsonSpans : countSpans);
  response.writeHead(200, { 'content-type': request.headers['content-type'] }).end(isJson ? '{}' : '');
};

async function answerGrpc(stream: ServerHttp2Stream): Promise<void> {
  await take(stream, (bytes) => countSpans(bytes.subarray(GRPC_PREFIX_BYTES)));
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(Buffer.alloc(GRPC_PREFIX_BYTES)); // an empty message
}

const server =
  process.env.SINK_PROTOCOL === 'grpc'
    ? createHttp2Server().on('stream', answerGrpc)
    : createServer({ keepAliveTimeout: 60_000 }, answerHttp);
server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
process.on('disconnect', () => process.exit(0));
