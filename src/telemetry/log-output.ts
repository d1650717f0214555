import { fstatSync, write as writeFile, writeSync } from 'node:fs';
import { isatty, type WriteStream } from 'node:tty';
import type { DestinationStream } from 'pino';

/** Bytes kept while standard error takes nothing; beyond them lines are dropped. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024;
/** After a failed write, lines are dropped until the next attempt, in milliseconds. */
const RETRY_MS = 1000;
/** A dropped line that is longer is counted, and not quoted. In characters. */
const MAX_QUOTED = 8192;

/**
 * Where the output writes to. No method may block: Node cannot even exit while one of its threads waits for the reader
 * of a pipe.
 */
export interface Sink {
  /** Calls `done` once. With an error, `written` is how many bytes were written before it, as far as that is known. */
  write(text: string, done: (error: Error | undefined, written: number) => void): void;
  /** Writes as much as possible at once. */
  writeAtExit(text: string): void;
}

/** Lines that were dropped since the log last said so. */
interface Dropped {
  count: number;
  readonly since: Date;
  readonly reason: string;
  readonly first: string | undefined;
}

/**
 * The log's lines on their way to standard error. Standard error may be full, closed, or a pipe whose reader is stopped:
 * neither the server nor its stop waits for it. Lines that it does not take are dropped and counted. The log says so as
 * soon as it works again.
 */
export class LogOutput implements DestinationStream {
  readonly #sink: Sink;
  readonly #maxKeptBytes: number;
  #waiting: string[] = [];
  /** The lines of the write under way, and the dropped lines that it tells of. */
  #writing: { readonly lines: readonly string[]; readonly told: Dropped | undefined } | undefined;
  /** Of `#waiting` and `#writing`. */
  #keptBytes = 0;
  /** Set from a failed write until the next attempt. */
  #retry: NodeJS.Timeout | undefined;
  /** The last write ended in the middle of a line. */
  #isTorn = false;
  #untold: Dropped | undefined;
  #dropped = 0;
  #whenIdle: (() => void)[] = [];

  constructor(sink: Sink, maxKeptBytes = MAX_KEPT_BYTES) {
    this.#sink = sink;
    this.#maxKeptBytes = maxKeptBytes;
  }

  /** Lines dropped since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes a line, line feed included. */
  write(line: string): void {
    if (this.#retry !== undefined) return this.#drop([line], '');
    const bytes = Buffer.byteLength(line);
    if (this.#keptBytes + bytes > this.#maxKeptBytes) return this.#drop([line], 'Its reader is too slow.');
    this.#keptBytes += bytes;
    this.#waiting.push(line);
    if (this.#writing === undefined) this.#writeNext();
  }

  /** Settles when every line so far is written or dropped, or after `deadlineMs`. */
  async written(deadlineMs: number): Promise<void> {
    if (this.#writing === undefined) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, deadlineMs);
      this.#whenIdle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** For the `exit` event of the process: what waits is written now, or lost. */
  writeAtExit(): void {
    const text = this.#textOf(this.#waiting.splice(0), this.#untold);
    if (text !== '') this.#sink.writeAtExit(text);
  }

  #writeNext(): void {
    if (this.#waiting.length === 0 && this.#untold === undefined) {
      this.#writing = undefined;
      for (const resolve of this.#whenIdle.splice(0)) resolve();
      return;
    }
    const [lines, told] = [this.#waiting, this.#untold];
    this.#waiting = [];
    this.#untold = undefined;
    this.#writing = { lines, told };
    this.#sink.write(this.#textOf(lines, told), this.#settled);
  }

  /** The dropped lines are younger than the lines that waited. */
  #textOf(lines: readonly string[], told: Dropped | undefined): string {
    return `${this.#isTorn ? '\n' : ''}${lines.join('')}${told ? noticeOf(told) : ''}`;
  }

  readonly #settled = (error: Error | undefined, written: number): void => {
    const { lines, told } = this.#writing ?? { lines: [], told: undefined };
    this.#release(lines);
    if (error !== undefined) return this.#fail(lines, told, written, error.message);
    this.#isTorn = false;
    this.#writeNext();
  };

  #fail(lines: readonly string[], told: Dropped | undefined, written: number, reason: string): void {
    if (told !== undefined) {
      told.count += this.#untold?.count ?? 0;
      this.#untold = told;
    }
    let end = this.#isTorn ? 1 : 0;
    let isTorn = written === 0 && this.#isTorn;
    const lost = lines.filter((line) => {
      const start = end;
      end += Buffer.byteLength(line);
      if (start < written && written < end) isTorn = true;
      return end > written;
    });
    this.#isTorn = isTorn || written > end;
    const rest = this.#waiting.splice(0);
    this.#release(rest);
    this.#drop([...lost, ...rest], reason);
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#writeNext();
    }, RETRY_MS).unref();
    this.#writing = undefined;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #release(lines: readonly string[]): void {
    for (const line of lines) this.#keptBytes -= Buffer.byteLength(line);
  }

  #drop(lines: readonly string[], reason: string): void {
    const [first = ''] = lines;
    if (lines.length === 0) return;
    this.#dropped += lines.length;
    this.#untold ??= {
      count: 0,
      since: new Date(),
      reason,
      first: first.length <= MAX_QUOTED ? first.trimEnd() : undefined,
    };
    this.#untold.count += lines.length;
  }
}

/** A line in the form of the others; `first` is one of them, and so is JSON. */
function noticeOf({ count, since, reason, first }: Dropped): string {
  const line = JSON.stringify({
    level: 'warn',
    time: new Date().toISOString(),
    dropped: count,
    since: since.toISOString(),
    reason,
  });
  return `${line.slice(0, -1)},"first":${first ?? null},"msg":"log lines were dropped"}\n`;
}

let shared: LogOutput | undefined;

/** The output to standard error, one for the whole process. */
export function standardError(): LogOutput {
  shared ??= new LogOutput(sinkOf(2, () => process.stderr));
  return shared;
}

/** Node writes to files and to terminals by calls that block. Its pipes and sockets do not block on POSIX. */
function sinkOf(fd: number, stream: () => NodeJS.WriteStream): Sink {
  if (isFile(fd)) return fileSink(fd);
  return streamSink(neverBlocking(stream()));
}

/** A regular file, or a device that is no terminal, such as /dev/null. */
function isFile(fd: number): boolean {
  try {
    const stats = fstatSync(fd);
    return stats.isFile() || (stats.isCharacterDevice() && !isatty(fd));
  } catch {
    return false; // the stream knows what to do with a file descriptor that is not open
  }
}

/** Writes in Node's thread pool. A full disk is an error, and ends the write. */
export function fileSink(fd: number): Sink {
  return {
    write(text, done) {
      const bytes = Buffer.from(text);
      const writeFrom = (start: number): void =>
        writeFile(fd, bytes, start, bytes.length - start, null, (error, count) => {
          if (error !== null) done(error, start);
          else if (start + count < bytes.length) writeFrom(start + count);
          else done(undefined, bytes.length);
        });
      writeFrom(0);
    },
    writeAtExit(text) {
      const bytes = Buffer.from(text);
      try {
        for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      } catch {}
    },
  };
}

function streamSink(stream: NodeJS.WriteStream): Sink {
  return {
    write: (text, done) => void stream.write(text, (error) => done(error ?? undefined, 0)),
    writeAtExit: (text) => void stream.write(text), // what fits is written before this returns
  };
}

/**
 * Makes a standard stream one whose errors end nothing, and whose writes wait for no reader. A terminal's writes block by
 * default, so that Ctrl-S would stop the process.
 */
export function neverBlocking(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  stream.on('error', () => {}); // each write tells its own
  if (stream.isTTY) {
    const { _handle: handle } = stream as WriteStream & { _handle?: { setBlocking?(on: boolean): void } };
    handle?.setBlocking?.(false);
  }
  return stream;
}
