import { expect, test } from '@jest/globals';
import { forgetCall, type KeptCall, keepCall, recallCall } from '../../../web/call/kept.ts';

const CALL: KeptCall = {
  roomId: '3f2c8e0a-5b1d-4c7e-9a64-1d2e3f405162',
  name: 'Aiko',
  isMuted: true,
  hasCamera: false,
  messages: [{ key: 1, isOwn: true, name: 'Aiko', text: 'Hello', at: 5 }],
  draft: 'half a sent',
  at: 1000,
};

function memory() {
  const items = new Map<string, string>();
  return () => ({
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
    removeItem: (key: string) => void items.delete(key),
  });
}

test('a call is kept, recalled and forgotten', () => {
  const storage = memory();
  expect(recallCall(storage, 2000)).toBeUndefined();
  keepCall(CALL, storage);
  expect(recallCall(storage, 2000)).toEqual(CALL);
  forgetCall(storage);
  expect(recallCall(storage, 2000)).toBeUndefined();
});

test('a tab that is restored much later does not go on with the call', () => {
  const storage = memory();
  keepCall(CALL, storage);
  expect(recallCall(storage, 1000 + 10 * 60_000)).toBeUndefined();
});

test('the newest messages are kept', () => {
  const storage = memory();
  const messages = Array.from({ length: 300 }, (_, key) => ({
    key,
    isOwn: true,
    name: '',
    text: 'x',
    at: 1,
  }));
  keepCall({ ...CALL, messages }, storage);
  const keys = recallCall(storage, 1000)?.messages.map(({ key }) => key);
  expect([keys?.length, keys?.at(-1)]).toEqual([200, 299]);
});

test.each([
  ['{'],
  ['null'],
  ['{"roomId":1}'],
  [JSON.stringify({ ...CALL, session: 1 })],
  [JSON.stringify({ ...CALL, messages: 'x' })],
])('what does not read is no call: %s', (text) => {
  const storage = memory();
  storage().setItem('bloom.call', text);
  expect(recallCall(storage, 1000)).toBeUndefined();
});

test('a broken message is left out', () => {
  const storage = memory();
  keepCall({ ...CALL, messages: [...CALL.messages, { key: 'x' } as never] }, storage);
  expect(recallCall(storage, 1000)?.messages).toEqual(CALL.messages);
});

test('a browser without storage keeps nothing, and nothing fails', () => {
  const storage = (): Storage => {
    throw new DOMException('denied', 'SecurityError');
  };
  keepCall(CALL, storage);
  forgetCall(storage);
  expect(recallCall(storage, 1000)).toBeUndefined();
});
