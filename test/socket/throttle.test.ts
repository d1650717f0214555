import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { expect, test } from '@jest/globals';
import { throttle } from '../../src/socket/throttle.ts';

const KIB = 1024;
const isOver = () => new Promise((resolve) => setImmediate(resolve));

/** A socket whose reader notes what it hears, and when it is paused and resumed. */
function openSocket() {
  const socket = new PassThrough({ highWaterMark: 1024 * KIB });
  const heard: string[] = [];
  socket.on('data', (data: Buffer) => heard.push(`${data.length}`));
  const reader = {
    pause() {
      heard.push('pause');
      socket.pause();
    },
    resume() {
      heard.push('resume');
      socket.resume();
    },
  };
  let isFlooding = false;
  throttle(socket, reader, () => isFlooding);
  return {
    socket,
    heard,
    flood(is: boolean) {
      isFlooding = is;
    },
  };
}

test('a client that says little is never paused', async () => {
  const { socket, heard } = openSocket();
  for (const size of [6, 1700, 64 * KIB - 1]) socket.write(Buffer.alloc(size));
  await isOver();
  expect(heard).toEqual(['6', '1700', '65535']);
});

test('after a full piece of data others have their turn', async () => {
  const { socket, heard } = openSocket();
  socket.write(Buffer.alloc(64 * KIB));
  socket.write(Buffer.alloc(10));
  await new Promise((resolve) => process.nextTick(resolve));
  expect(heard).toEqual(['65536', 'pause']);
  await isOver();
  await isOver();
  expect(heard).toEqual(['65536', 'pause', 'resume', '10']);
});

test('a flooding client rests after every piece, and nothing of what it sent is lost', async () => {
  const { socket, heard, flood } = openSocket();
  flood(true);
  socket.write(Buffer.alloc(10));
  socket.write(Buffer.alloc(20));
  expect(heard).toEqual(['10', 'pause']);
  await once(socket, 'pause'); // after the second piece
  flood(false);
  await once(socket, 'resume');
  socket.write(Buffer.alloc(30));
  await isOver();
  expect(heard).toEqual(['10', 'pause', 'resume', '20', 'pause', 'resume', '30']);
});
