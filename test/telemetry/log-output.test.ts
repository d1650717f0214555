import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { LogOutput, type Sink } from '../../src/telemetry/log-output.ts';

/** A sink that settles its writes when the test says so. */
class FakeSink implements Sink {
  readonly texts: string[] = [];
  readonly atExit: string[] = [];
  #done: ((error: Error | undefined, written: number) => void) | undefined;

  write(text: string, done: (error: Error | undefined, written: number) => void): void {
    this.texts.push(text);
    this.#done = done;
  }

  writeAtExit(text: string): void {
    this.atExit.push(text);
  }

  /** The write under way succeeds. */
  take(): void {
    this.#done?.(undefined, Buffer.byteLength(this.texts.at(-1) ?? ''));
  }

  /** The write under way fails after `written` bytes. */
  fail(written = 0): void {
    this.#done?.(new Error('ENOSPC: no space left on device, write'), written);
  }
}

let sink: FakeSink;
let output: LogOutput;
beforeEach(() => {
  jest.useFakeTimers({ now: new Date('2026-01-01T00:00:00Z') });
  sink = new FakeSink();
  output = new LogOutput(sink, 30);
});
afterEach(() => void jest.useRealTimers());

const notice = (dropped: number, first: unknown, reason = 'ENOSPC: no space left on device, write') =>
  expect.objectContaining({ level: 'warn', dropped, reason, first, msg: 'log lines were dropped' });
const last = () => sink.texts.at(-1) ?? '';

test('lines that come during a write are written together after it', () => {
  for (const line of ['1\n', '2\n', '3\n']) output.write(line);
  sink.take();
  sink.take();
  expect(sink.texts).toEqual(['1\n', '2\n3\n']);
  expect(output.dropped).toBe(0);
});

describe('a write that fails', () => {
  test('drops its lines and the waiting ones, counts them, and tells of them when a write succeeds', () => {
    for (const line of ['{"i":1}\n', '{"i":2}\n']) output.write(line);
    sink.fail();
    expect(output.dropped).toBe(2);
    output.write('{"i":3}\n'); // not even tried
    expect([output.dropped, sink.texts.length]).toEqual([3, 1]);

    jest.advanceTimersByTime(1000);
    expect(JSON.parse(last())).toEqual(notice(3, { i: 1 }));
    sink.fail();
    jest.advanceTimersByTime(1000);
    expect(JSON.parse(last())).toEqual(notice(3, { i: 1 }));
    expect(JSON.parse(last()).since).toBe('2026-01-01T00:00:00.000Z');
    output.write('{"i":4}\n');
    sink.take();
    expect(last()).toBe('{"i":4}\n');
    expect(output.dropped).toBe(3);
  });

  test('is told again with what was dropped during the telling', () => {
    output.write('{"i":1}\n');
    sink.fail();
    jest.advanceTimersByTime(1000);
    output.write('{"i":2}\n'); // waits behind the notice
    sink.fail();
    jest.advanceTimersByTime(1000);
    expect(JSON.parse(last())).toEqual(notice(2, { i: 1 }));
  });

  test('in the middle of a line: lines before it count as written, and the next write begins a line', () => {
    output.write('0\n');
    for (const line of ['1\n', '22222\n', '3\n']) output.write(line);
    sink.take();
    sink.fail(4); // "1\n22"
    expect(output.dropped).toBe(2);
    jest.advanceTimersByTime(1000);
    const [empty, told] = last().split('\n');
    expect(empty).toBe('');
    expect(JSON.parse(told ?? '')).toEqual(notice(2, 22222));
    sink.fail(0);
    jest.advanceTimersByTime(1000);
    expect(last()).toMatch(/^\n/);
    sink.take();
    output.write('4\n');
    expect(last()).toBe('4\n');
  });

  test('at the end of a line tears none', () => {
    output.write('0\n');
    for (const line of ['1\n', '2\n']) output.write(line);
    sink.take();
    sink.fail(2);
    jest.advanceTimersByTime(1000);
    expect(JSON.parse(last())).toEqual(notice(1, 2));
    expect(last()).toMatch(/^\{/);
  });
});

test('a reader that takes nothing: lines beyond the limit are dropped, and told of after the older ones', () => {
  const line = (i: number) => `{"i":${i},"a":1}\n`; // 14 bytes
  for (const i of [1, 2, 3, 4]) output.write(line(i));
  expect(output.dropped).toBe(2);
  sink.take();
  const [second, told] = last().trimEnd().split('\n');
  expect(`${second}\n`).toBe(line(2));
  expect(JSON.parse(told ?? '')).toEqual(notice(2, { i: 3, a: 1 }, 'Its reader is too slow.'));
  sink.take();
  for (const i of [5, 6]) output.write(line(i)); // there is room again
  expect(output.dropped).toBe(2);
});

test('a long line is counted, and not quoted', () => {
  output.write(`"${'x'.repeat(10_000)}"\n`);
  output.write('1\n');
  const [line, told] = last().trimEnd().split('\n');
  expect(line).toBe('1');
  expect(JSON.parse(told ?? '')).toEqual(notice(1, null, 'Its reader is too slow.'));
});

describe('written', () => {
  test.each([
    ['succeeds', () => sink.take()],
    ['fails', () => sink.fail()],
  ])('settles when the last write %s', async (_, settle) => {
    await output.written(1000); // nothing is there to be written
    output.write('1\n');
    const written = output.written(1e6);
    settle();
    await written;
  });

  test('settles at its deadline', async () => {
    output.write('1\n');
    const written = output.written(1000);
    jest.advanceTimersByTime(1000);
    await written;
  });
});

test('at the exit the waiting lines are written at once, and how many were dropped', () => {
  for (let i = 0; i < 20; i++) output.write('1\n');
  output.writeAtExit();
  expect(sink.atExit).toHaveLength(1);
  const [text = ''] = sink.atExit;
  expect(text.startsWith('1\n'.repeat(14))).toBe(true);
  expect(JSON.parse(text.split('\n').at(-2) ?? '')).toEqual(notice(5, 1, 'Its reader is too slow.'));
});
