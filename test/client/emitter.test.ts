import { expect, test } from '@jest/globals';
import { Emitter } from '../../src/client/emitter.ts';

test('listeners are called in order, and may come and go while they are', () => {
  const emitter = new Emitter<{ it: number }>();
  const heard: string[] = [];
  const stop = emitter.on('it', (n) => {
    heard.push(`first ${n}`);
    stop();
    emitter.on('it', (m) => heard.push(`late ${m}`));
  });
  const twice = (n: number) => heard.push(`twice ${n}`);
  emitter.on('it', twice);
  emitter.on('it', twice);
  emitter.emit('it', 1);
  emitter.emit('it', 2);
  expect(heard).toEqual(['first 1', 'twice 1', 'twice 1', 'twice 2', 'twice 2', 'late 2']);
});

test('a listener that is stopped hears no more, not even of the event that is being told', () => {
  const emitter = new Emitter<{ it: number }>();
  const heard: string[] = [];
  const controller = new AbortController();
  emitter.on('it', () => {
    heard.push('first');
    stop();
    controller.abort();
  });
  const stop = emitter.on('it', () => heard.push('stopped'));
  emitter.on('it', () => heard.push('aborted'), controller);
  emitter.emit('it', 1);
  expect(heard).toEqual(['first']);
});

test('the end is the last event: no listener hears anything after it, nor can be added', () => {
  const emitter = new Emitter<{ it: number }>();
  const heard: number[] = [];
  emitter.on('it', (n) => {
    heard.push(n);
    emitter.end();
  });
  emitter.on('it', (n) => heard.push(-n));
  emitter.emit('it', 1);
  emitter.on('it', (n) => heard.push(n));
  emitter.emit('it', 2);
  expect(heard).toEqual([1]);
});

test('what a listener throws or rejects with is told, with its event, and costs the others nothing', async () => {
  const failures: unknown[] = [];
  const emitter = new Emitter<{ it: number }>((error, type) => failures.push([String(error), type]) > 0);
  emitter.on('it', () => {
    throw new Error('thrown');
  });
  emitter.on('it', async () => {
    await undefined;
    throw new Error('rejected');
  });
  const last = new Promise((resolve) => emitter.on('it', resolve));
  emitter.emit('it', 1);
  await last;
  await new Promise(setImmediate);
  expect(failures).toEqual([
    ['Error: thrown', 'it'],
    ['Error: rejected', 'it'],
  ]);
});
