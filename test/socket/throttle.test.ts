import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { expect, test } from '@jest/globals';
import { SimulatedClock } from 'xstate';
import { Throttle } from '../../src/socket/throttle.ts';
import { turnIsOver } from '../support/wait.ts';

/** A stream and what its reader notes: the sizes it hears, and when it is paused and resumed. */
function openSocket(hear: (reader: PassThrough, throttle: Throttle) => void) {
  const throttle = new Throttle();
  const socket = new PassThrough();
  const seen: unknown[] = [];
  socket.on('pause', () => seen.push('pause'));
  socket.on('resume', () => seen.push('resume'));
  socket.on('data', (data: Buffer) => {
    seen.push(data.length);
    hear(socket, throttle);
  });
  return { socket, seen };
}

test('a reader that gives way goes on in the next turn', async () => {
  const { socket, seen } = openSocket((reader, throttle) => throttle.giveWay(reader));
  await once(socket, 'resume'); // it has begun to read
  seen.length = 0;
  socket.write(Buffer.alloc(10));
  socket.write(Buffer.alloc(20));
  await new Promise((resolve) => process.nextTick(resolve));
  expect(seen).toEqual([10, 'pause']);
  await once(socket, 'pause');
  expect(seen).toEqual([10, 'pause', 'resume', 20, 'pause']);
});

/** A reader that rests after what it is reading has taken so long, on a clock that stands until it is moved. */
async function resting(handlingMs: number) {
  const clock = new SimulatedClock();
  const throttle = new Throttle(clock);
  const reader = new PassThrough();
  throttle.rest(reader);
  clock.increment(handlingMs);
  await new Promise((resolve) => process.nextTick(resolve)); // what it was reading is handled
  return { clock, throttle, reader };
}

test('a reader that rests goes on after nine times as long as its data took', async () => {
  const { clock, reader } = await resting(20);
  clock.increment(179);
  expect(reader.isPaused()).toBe(true);
  clock.increment(1);
  expect(reader.isPaused()).toBe(false);
});

test('no rest is longer than half a second, however long the process stood still', async () => {
  const { clock, reader } = await resting(60_000);
  clock.increment(499);
  expect(reader.isPaused()).toBe(true);
  clock.increment(1);
  expect(reader.isPaused()).toBe(false);
});

test('a reader that has rested loses nothing, and may rest again', async () => {
  const { clock, throttle, reader } = await resting(1);
  reader.write(Buffer.alloc(20));
  clock.increment(9);
  expect((await once(reader, 'data'))[0]).toHaveLength(20);
  throttle.rest(reader);
  expect(reader.isPaused()).toBe(true);
});

test('whoever is paused already is paused once', async () => {
  const { socket, seen } = openSocket((reader, throttle) => {
    throttle.rest(reader);
    throttle.rest(reader);
    throttle.giveWay(reader);
  });
  await once(socket, 'resume');
  seen.length = 0;
  socket.write(Buffer.alloc(10));
  await once(socket, 'resume');
  await turnIsOver();
  await turnIsOver();
  expect(seen).toEqual([10, 'pause', 'resume']);
});

test('one rests while another goes on', async () => {
  const throttle = new Throttle(new SimulatedClock());
  const [flooding, other] = [new PassThrough(), new PassThrough()];
  throttle.rest(flooding);
  expect([flooding.isPaused(), other.isPaused()]).toEqual([true, false]);
  throttle.giveWay(other);
  await once(other, 'resume');
  expect(other.isPaused()).toBe(false);
});
