import { close, open } from 'node:fs';
import { devNull } from 'node:os';
import type { Logger } from './telemetry/logger.ts';

/** How often it is tried to open a file, in milliseconds. */
const INTERVAL_MS = 1000;
/** While it fails, a line is logged this often at most, in milliseconds. */
const QUIET_MS = 60_000;
const EXHAUSTED = 'no file descriptor is left: new connections are closed without an answer; see ulimit -n';

/**
 * Logs that the process has no file descriptor left (EMFILE, ENFILE). libuv then accepts and closes each new connection
 * and tells Node nothing, so the only way to notice is to try.
 */
export function reportExhaustedDescriptors(logger: Logger): void {
  let loggedAt = -Infinity;
  let isTold = false;
  const tell = (code: string | undefined): void => {
    const isExhausted = code === 'EMFILE' || code === 'ENFILE';
    if (isExhausted && performance.now() - loggedAt >= QUIET_MS) {
      loggedAt = performance.now();
      isTold = true;
      logger.error({ code }, EXHAUSTED);
    } else if (!isExhausted && isTold) {
      isTold = false;
      logger.info('file descriptors are free again');
    }
  };
  setInterval(() => {
    open(devNull, 'r', (error, fd) => {
      tell(error?.code);
      if (error === null) close(fd);
    });
  }, INTERVAL_MS).unref();
}
