import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from '@jest/globals';
import { SlicedClock } from '../../src/actor/clock.ts';

/**
 * This clock is about real time, so these tests use it. None of them asserts how late a timer may be, only
 * that none is early, and in which order they come.
 */

const clocks: SlicedClock[] = [];
afterEach(() => {
  for (const clock of clocks.splice(0)) clock.stop();
});

function startClock(): SlicedClock {
  const clock = new SlicedClock();
  clocks.push(clock);
  return clock;
}

/** Settles when a timer of this delay, set now, runs: every timer of the same delay set before has run. */
function passed(clock: SlicedClock, delay: number): Promise<void> {
  return new Promise((resolve) => clock.setTimeout(resolve, delay));
}

/** Sets `count` timers of one delay; each writes down its number when it runs. */
function setTimers(clock: SlicedClock, count: number, delay: number) {
  const ran: number[] = [];
  const timers = Array.from({ length: count }, (_, number) =>
    clock.setTimeout(() => ran.push(number), delay),
  );
  return { ran, timers };
}

describe('running', () => {
  test('timers of one delay run in the order they were set, each once', async () => {
    const clock = startClock();
    const { ran } = setTimers(clock, 100, 5);
    await passed(clock, 5);
    expect(ran).toEqual(Array.from({ length: 100 }, (_, number) => number));
    await passed(clock, 5);
    expect(ran).toHaveLength(100);
  });

  test('a shorter delay runs before a longer one set earlier', async () => {
    const clock = startClock();
    const ran: string[] = [];
    clock.setTimeout(() => ran.push('long'), 60);
    clock.setTimeout(() => ran.push('short'), 5);
    await passed(clock, 60);
    expect(ran).toEqual(['short', 'long']);
  });

  test('never before its delay has passed, at whatever fraction of a millisecond it was set', async () => {
    const clock = startClock();
    const early: number[] = [];
    const waits: Promise<void>[] = [];
    for (const delay of [0, 1, 2.5, 7, 20]) {
      for (let i = 0; i < 20; i++) {
        const setAt = performance.now();
        waits.push(
          new Promise((resolve) => {
            clock.setTimeout(() => {
              const waited = performance.now() - setAt;
              if (waited < delay) early.push(waited - delay);
              resolve();
            }, delay);
          }),
        );
        burn(0.13);
      }
    }
    await Promise.all(waits);
    expect(early).toEqual([]);
  });

  test('after a stall with the time that was left before it', async () => {
    const clock = startClock();
    let ranAt = 0;
    const passedAll = new Promise<void>((resolve) => {
      clock.setTimeout(() => {
        ranAt = performance.now();
        resolve();
      }, 900);
    });
    burn(2600);
    const awakeAt = performance.now();
    await passedAll;
    // Half a second of the stall counts, since the clock may have looked at the time that long before it.
    expect(ranAt - awakeAt).toBeGreaterThanOrEqual(900 - 500);
  });

  test('not within the call that sets it, even with no delay', async () => {
    const clock = startClock();
    const { ran } = setTimers(clock, 1, 0);
    expect(ran).toEqual([]);
    await passed(clock, 0);
    expect(ran).toEqual([0]);
  });

  test('timers set while waiting get their whole delay', async () => {
    const clock = startClock();
    const ran: string[] = [];
    clock.setTimeout(() => ran.push('first'), 20);
    await passed(clock, 10);
    const setAt = performance.now();
    clock.setTimeout(() => ran.push('second'), 20);
    await passed(clock, 20);
    expect(performance.now() - setAt).toBeGreaterThanOrEqual(20);
    expect(ran).toEqual(['first', 'second']);
  });

  test('a timer may set timers, of its own delay and of others', async () => {
    const clock = startClock();
    const ran: string[] = [];
    await new Promise<void>((resolve) => {
      clock.setTimeout(() => {
        ran.push('outer');
        clock.setTimeout(() => {
          ran.push('inner');
          clock.setTimeout(resolve, 2);
        }, 5);
        clock.setTimeout(() => ran.push('inner, of no delay'), 0);
      }, 5);
    });
    expect(ran).toEqual(['outer', 'inner, of no delay', 'inner']);
  });

  test('a timer that sets itself again does not keep those behind it', async () => {
    const clock = startClock();
    let rounds = 0;
    const again = () => {
      rounds += 1;
      clock.setTimeout(again, 0);
    };
    clock.setTimeout(again, 0);
    await passed(clock, 0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(rounds).toBeGreaterThan(0);
  });

  test('after its queue has run empty a delay may be used again', async () => {
    const clock = startClock();
    for (let round = 0; round < 3; round++) {
      const { ran } = setTimers(clock, 2, 3);
      await passed(clock, 3);
      expect(ran).toEqual([0, 1]);
    }
  });
});

describe('cancelling', () => {
  test.each([
    ['the first', [0], [1, 2, 3]],
    ['one in the middle', [1], [0, 2, 3]],
    ['the last', [3], [0, 1, 2]],
    ['the first two, in order', [0, 1], [2, 3]],
    ['the first two, backwards', [1, 0], [2, 3]],
    ['the last two', [2, 3], [0, 1]],
    ['all but one', [3, 0, 2], [1]],
    ['all', [0, 1, 2, 3], []],
    ['one twice', [1, 1], [0, 2, 3]],
  ])('%s', async (_, cancelled, left) => {
    const clock = startClock();
    const { ran, timers } = setTimers(clock, 4, 5);
    for (const number of cancelled) clock.clearTimeout(timers[number]!);
    await passed(clock, 5);
    expect(ran).toEqual(left);
  });

  test('all, and then setting more', async () => {
    const clock = startClock();
    const { ran, timers } = setTimers(clock, 3, 5);
    for (const timer of timers) clock.clearTimeout(timer);
    const later = setTimers(clock, 2, 5);
    await passed(clock, 5);
    expect([ran, later.ran]).toEqual([[], [0, 1]]);
  });

  test('the last, and then setting more', async () => {
    const clock = startClock();
    const { ran, timers } = setTimers(clock, 3, 5);
    clock.clearTimeout(timers[2]!);
    const later = setTimers(clock, 2, 5);
    await passed(clock, 5);
    expect([ran, later.ran]).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  test('one that ran already changes nothing for the others', async () => {
    const clock = startClock();
    const early = setTimers(clock, 1, 5);
    await passed(clock, 5);
    expect(early.ran).toEqual([0]);
    const { ran } = setTimers(clock, 2, 5);
    clock.clearTimeout(early.timers[0]!);
    await passed(clock, 5);
    expect(ran).toEqual([0, 1]);
  });

  test('a timer may cancel itself, and one behind it that is due already', async () => {
    const clock = startClock();
    const ran: string[] = [];
    const first = clock.setTimeout(() => {
      ran.push('first');
      clock.clearTimeout(first);
      clock.clearTimeout(second);
    }, 5);
    const second = clock.setTimeout(() => ran.push('second'), 5);
    clock.setTimeout(() => ran.push('third'), 5);
    await passed(clock, 5);
    expect(ran).toEqual(['first', 'third']);
  });

  test('in one queue leaves the others alone', async () => {
    const clock = startClock();
    const short = setTimers(clock, 2, 5);
    const long = setTimers(clock, 2, 8);
    clock.clearTimeout(short.timers[0]!);
    clock.clearTimeout(long.timers[1]!);
    await Promise.all([passed(clock, 5), passed(clock, 8)]);
    expect([short.ran, long.ran]).toEqual([[1], [0]]);
  });
});

describe('sharing the event loop', () => {
  test('it gets its turn between slices of many timers that are due together', async () => {
    const clock = startClock();
    let isOver = false;
    let ran = 0;
    let turns = 0;
    const turn = () => {
      if (ran > 0) turns += 1;
      if (!isOver) setImmediate(turn);
    };
    for (let i = 0; i < 2000; i++) {
      clock.setTimeout(() => {
        ran += 1;
        burn(0.05);
      }, 5);
    }
    setImmediate(turn);
    await passed(clock, 5);
    isOver = true;
    expect(ran).toBe(2000);
    // At least 100 ms of work in slices of 8 ms; without slices it would be all in one turn.
    expect(turns).toBeGreaterThan(1);
  });
});

describe('stopping', () => {
  test('forgets every timer', async () => {
    const clock = startClock();
    const { ran } = setTimers(clock, 3, 5);
    const other = setTimers(clock, 1, 6);
    clock.stop();
    await passed(startClock(), 15);
    expect([ran, other.ran]).toEqual([[], []]);
  });

  test('from within a timer forgets those behind it', async () => {
    const clock = startClock();
    clock.setTimeout(() => clock.stop(), 5);
    const { ran } = setTimers(clock, 3, 5);
    await passed(startClock(), 15);
    expect(ran).toEqual([]);
  });

  test('while more than a slice is due forgets the rest', async () => {
    const clock = startClock();
    let ran = 0;
    for (let i = 0; i < 1000; i++) {
      clock.setTimeout(() => {
        ran += 1;
        burn(0.05);
      }, 1);
    }
    await passed(clock, 2); // its queue's turn comes after one slice
    clock.stop();
    const before = ran;
    expect(before).toBeLessThan(1000);
    await passed(startClock(), 15);
    expect(ran).toBe(before);
  });

  test('is harmless twice, on an empty clock, and for whoever cancels afterwards', async () => {
    const clock = startClock();
    clock.stop();
    const { timers } = setTimers(clock, 3, 5);
    clock.stop();
    clock.stop();
    for (const timer of timers) clock.clearTimeout(timer);
    const { ran } = setTimers(clock, 1, 5);
    await passed(clock, 5);
    expect(ran).toEqual([0]);
  });
});

describe('a timer that throws', () => {
  // Jest takes uncaught exceptions for itself, so this one has a process of its own.
  test('reaches the process, and the other timers run all the same', async () => {
    const script = `
      import { SlicedClock } from ${JSON.stringify(new URL('../../src/actor/clock.ts', import.meta.url).href)};
      const said = [];
      process.on('uncaughtException', (error) => said.push(error.message));
      const clock = new SlicedClock();
      const say = (word) => clock.setTimeout(() => said.push(word), 5);
      const fail = (word) => clock.setTimeout(() => { throw new Error(word); }, 5);
      say('one'); fail('two throws'); say('three'); fail('four throws'); fail('five throws'); say('six');
      clock.setTimeout(() => {
        say('later');
        clock.setTimeout(() => console.log(JSON.stringify(said)), 5);
      }, 5);
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
    expect(JSON.parse(stdout)).toEqual([
      'one',
      'two throws',
      'three',
      'four throws',
      'five throws',
      'six',
      'later',
    ]);
  });
});

/** Keeps the event loop busy. */
function burn(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}
