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
