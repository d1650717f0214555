import type { Readable } from 'node:stream';

/** What reads a socket. */
export interface Reader {
  pause(): void;
  resume(): void;
}

/** How many times as long as its data took a flooding client rests: it gets a tenth of the processor at most. */
const REST = 9;
/** What libuv reads at once, in bytes: when so much came, more is waiting. */
const FULL_BYTES = 65_536;

/**
 * Keeps one client from keeping the event loop. libuv reads up to 32 pieces of 64 KiB from a socket in one go:
 * thousands of frames, which would all be handled before anybody else had a turn. So after a full piece `reader` is paused
 * until the next turn; while `isFlooding` says so, after each piece and for longer. What the client sends
 * meanwhile waits in the kernel, and then at the client. `reader` has to listen to `socket` already.
 */
export function throttle(socket: Readable, reader: Reader, isFlooding: () => boolean): void {
  let startedAt = 0;
  socket.prependListener('data', () => {
    startedAt = performance.now();
  });
  socket.on('data', (data: Buffer) => {
    if (isFlooding()) {
      reader.pause();
      setTimeout(() => reader.resume(), REST * (performance.now() - startedAt));
    } else if (data.length >= FULL_BYTES) {
      reader.pause();
      setImmediate(() => reader.resume());
    }
  });
}
