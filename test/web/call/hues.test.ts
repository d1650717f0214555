import { expect, test } from '@jest/globals';
import { Hues } from '../../../web/call/hues.ts';
import { HUES, hueOf } from '../../../web/call/initials.ts';

const NAMES = ['Alice', 'Bob', 'Lucy', 'Noor', 'Tom', 'Yuki', 'Sam', 'Lea'];

test('eight people have eight colours, and the first has the colour of her name', () => {
  const hues = new Hues();
  const given = NAMES.map((name) => hues.of(name, name));
  expect(new Set(given).size).toBe(HUES);
  expect(given[0]).toBe(hueOf('Alice'));
  expect(NAMES.map((name) => hues.of(name, name))).toEqual(given);
});

test('a colour stays when others leave, and is free again when its owner leaves', () => {
  const hues = new Hues();
  const [first, second] = [hues.of('1', 'Bob'), hues.of('2', 'Bob')];
  expect(second).not.toBe(first);
  hues.keep(['2']);
  expect(hues.of('2', 'Bob')).toBe(second);
  expect(hues.of('3', 'Bob')).toBe(first);
});

test('a ninth person shares a colour', () => {
  const hues = new Hues();
  for (const name of NAMES) hues.of(name, name);
  expect(hues.of('ninth', 'ninth')).toBe(hueOf('ninth'));
});
