import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { expect, test } from '@jest/globals';
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

test('a reader that rests goes on some turns later, and loses nothing', async () => {
  const { socket, seen } = openSocket((reader, throttle) => throttle.rest(reader));
  await once(socket, 'resume');
  seen.length = 0;
  socket.write(Buffer.alloc(10));
  socket.write(Buffer.alloc(20));
  await turnIsOver();
  expect(seen).toEqual([10, 'pause']);
  await once(socket, 'pause');
  expect(seen).toEqual([10, 'pause', 'resume', 20, 'pause']);
  await once(socket, 'resume');
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
  const throttle = new Throttle();
  const [flooding, other] = [new PassThrough(), new PassThrough()];
  throttle.rest(flooding);
  expect([flooding.isPaused(), other.isPaused()]).toEqual([true, false]);
  throttle.giveWay(other);
  await once(other, 'resume');
  expect(other.isPaused()).toBe(false);
});
