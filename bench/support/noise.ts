import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { WebSocket } from 'ws';

/**
 * The noisy client of bench/noisy.ts, in a process of its own, which forks it: as many frames as the server takes, of
 * one kind at a time, and when it is thrown out it comes again.
 */

export const NOISES = {
  offers: 'valid offers, far over its limit',
  big: 'offers in frames of 64 KiB',
  invalid: 'frames that are no JSON',
  empty: 'frames with nothing in them',
  pings: 'pings, which ws answers itself',
  pongs: 'pongs that nobody asked for',
  closing: 'empty frames after a binary one, for which it is closed',
  deaf: 'valid offers to nobody, and never reads the answers',
} as const;

export type Noise = keyof typeof NOISES;

/** What the bench says: make this noise at this server, or be quiet (answered by a NoiseReport). */
export type NoiseOrder =
  | {
      readonly type: 'start';
      readonly url: string;
      readonly noise: Noise;
      /** Frames a second at most. */
      readonly rate: number;
    }
  | { readonly type: 'stop' };

export interface NoiseReport {
  readonly frames: number;
  readonly seconds: number;
  /** How often it was thrown out. */
  readonly closed: number;
}

const FRAME_BYTES = 64 * 1024;
/** Frames wait in this process up to here, so that what it sends is what the server took. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
/** Sent in one turn of the event loop at most. */
const BATCH = 64;

let run: { stop(): Promise<NoiseReport> } | undefined;

function makeNoise(url: string, noise: Noise, rate: number) {
  let isOver = false;
  let frames = 0;
  let closed = 0;
  const startedAt = performance.now();

  const visit = async (): Promise<void> => {
    const socket = new WebSocket(url, { perMessageDeflate: false, skipUTF8Validation: true });
    socket.on('error', () => {});
    const isOpen = Promise.withResolvers<boolean>();
    const isSeated = Promise.withResolvers<string>();
    socket.on('open', () => isOpen.resolve(true));
    socket.on('close', () => {
      isOpen.resolve(false);
      isSeated.resolve('');
    });
    if (!(await isOpen.promise)) return;
    socket.once('message', (data) => isSeated.resolve(JSON.parse(data.toString()).self_id));
    socket.send(JSON.stringify({ type: 'CreateRoom' }));
    const frame = frameOf(noise, await isSeated.promise);
    socket.on('message', () => {}); // read and forgotten
    if (noise === 'deaf' || noise === 'closing') socket.pause(); // hears no close, so goes on
    if (noise === 'closing') socket.send(Buffer.alloc(1));
    while (!isOver && socket.readyState === WebSocket.OPEN) {
      const allowed = (rate * (performance.now() - startedAt)) / 1000 - frames;
      for (let i = 0; i < Math.min(BATCH, allowed); i += 1) {
        if (socket.bufferedAmount > MAX_BUFFERED_BYTES) break;
        if (noise === 'pings') socket.ping();
        else if (noise === 'pongs') socket.pong();
        else socket.send(frame);
        frames += 1;
      }
      await (allowed < 1 || socket.bufferedAmount > MAX_BUFFERED_BYTES ? setTimeout(1) : immediately());
    }
    if (!isOver) closed += 1;
    socket.terminate();
  };

  const done = (async () => {
    while (!isOver) await visit();
    return { frames, seconds: (performance.now() - startedAt) / 1000, closed };
  })();
  return {
    stop() {
      isOver = true;
      return done;
    },
  };
}

/** A frame of the noise, for a client that is alone in its room under this id. */
function frameOf(noise: Noise, self: string): string {
  const offer = (to: string, sdp: string) => JSON.stringify({ type: 'Offer', to, sdp });
  switch (noise) {
    case 'offers':
      return offer(self, 'v=0 '.repeat(100));
    case 'big':
      return offer(self, 'x'.repeat(FRAME_BYTES - offer(self, '').length));
    case 'invalid':
      return '{"type":"Offer",'.repeat(10);
    case 'empty':
    case 'pings':
    case 'pongs':
    case 'closing':
      return '';
    case 'deaf':
      return offer(randomUUID(), 'v=0');
  }
}

function immediately(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

process.on('message', async (order: NoiseOrder) => {
  if (order.type === 'start') {
    run = makeNoise(order.url, order.noise, order.rate);
    return;
  }
  process.send?.(await run?.stop());
});
process.on('disconnect', () => process.exit(0));
