import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { ClientSocket, type ServedConnection } from './client-socket.ts';
import { FRAMES_TEXTS } from './frame.ts';

/** Which of its undocumented behaviour the ws at hand has. Where one is false, its documented API is used. */
export interface WsPaths {
  /** Frames can be written to the stream below a WebSocket, beside those of ws. */
  readonly framesTexts: boolean;
  /** ws calls `close()` at once when a close frame arrives. */
  readonly tellsEnds: boolean;
}

/** ws's documented API alone. */
export const DOCUMENTED: WsPaths = { framesTexts: false, tellsEnds: false };

/** What the ws at hand can do. Worked out once. */
export function wsPaths(): WsPaths {
  known ??= {
    framesTexts: FRAMES_TEXTS && holds(sharesItsStream),
    tellsEnds: holds(() => ENDINGS.every(tellsAtOnce)),
  };
  return known;
}

let known: WsPaths | undefined;

function holds(sample: () => boolean): boolean {
  try {
    return sample();
  } catch {
    return false;
  }
}

/** Close frames of a client, masked with noughts: one with 1000, and one without a code. */
const ENDINGS: readonly (readonly number[])[] = [
  [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8],
  [0x88, 0x80, 0, 0, 0, 0],
];

function tellsAtOnce(frame: readonly number[]): boolean {
  const { socket, stream } = meet();
  let ends = 0;
  const sender = { closed() {} };
  const listener = {
    ...{ message() {}, pinged() {}, ponged() {}, closed() {} },
    ended: () => {
      ends += 1;
    },
  };
  socket.serve(stream, {} as ServedConnection, sender, listener);
  stream.emit('data', Buffer.from(frame));
  const wasTold = ends === 1;
  socket.terminate();
  return wasTold;
}

/** ws counts what others write to its stream, and its own pings leave behind that. */
function sharesItsStream(): boolean {
  const { socket, stream, written } = meet();
  socket.on('error', () => {});
  written.length = 0;
  stream.cork();
  stream.write('ours', 'latin1');
  const counted = socket.bufferedAmount;
  socket.ping('');
  stream.uncork();
  const left = Buffer.concat(written).toString('latin1');
  socket.terminate();
  return counted === 4 && left === 'ours\x89\x00';
}

/** A WebSocket over a stream without a network. */
function meet(): { socket: ClientSocket; stream: Duplex; written: Buffer[] } {
  const written: Buffer[] = [];
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _, done) {
      written.push(chunk);
      done();
    },
  });
  const headers = {
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  };
  const server = new WebSocketServer({ noServer: true, clientTracking: false, WebSocket: ClientSocket });
  let met: ClientSocket | undefined;
  const request = { method: 'GET', url: '/', headers } as IncomingMessage;
  server.handleUpgrade(request, stream, Buffer.alloc(0), (socket) => {
    met = socket;
  });
  if (met === undefined) throw new Error('ws has not opened a WebSocket');
  return { socket: met, stream, written };
}
