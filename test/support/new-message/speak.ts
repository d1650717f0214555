import { on, once } from 'node:events';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { trace } from '@opentelemetry/api';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';

/**
 * A program: runs the server in the folder that is its working directory, says each text of its arguments over one socket
 * when the one before is answered, and prints as one JSON object what it heard and which spans there were. Ids are left out.
 */

const [hello, ...texts] = process.argv.slice(2) as [string, ...string[]];
const at = (path: string) => import(pathToFileURL(`${process.cwd()}/${path}`).href);
const exporter = new InMemorySpanExporter();
trace.setGlobalTracerProvider(
  new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }),
);
const { createServer } = await at('src/server.ts');
const { readConfig } = await at('src/config.ts');
const { createLogger } = await at('src/telemetry/logger.ts');
const { WebSocket } = createRequire(`${process.cwd()}/package.json`)('ws');

const server = createServer(readConfig({ HOST: '127.0.0.1', PORT: '0' }), createLogger('error'));
const socket = new WebSocket(new URL('ws', await server.listen()));
await once(socket, 'open');
const heard: Record<string, unknown>[] = [];
const unread = on(socket, 'message');
const ofRoom = new Set(['RoomCreated', 'RoomParticipants']);
for (const text of [hello, ...texts].filter((each) => each !== '')) {
  socket.send(text);
  const answers = text.includes('CreateRoom') ? 2 : 1;
  for (let i = 0; i < answers; i += 1) {
    const { value = [] } = await unread.next();
    const message = JSON.parse(String(value[0]));
    if (!ofRoom.has(message.type) && message.type !== 'Ready') heard.push(message);
  }
}
await server.stop();
const spans = exporter
  .getFinishedSpans()
  .map(({ name, attributes }) => [name, attributes.message_type, attributes.outcome]);
process.stdout.write(JSON.stringify({ heard, spans }));
process.exit(0);
