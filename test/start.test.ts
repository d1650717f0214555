import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';

const read = (path: string) => readFile(new URL(`../${path}`, import.meta.url), 'utf8');

test('the image starts Bloom as npm start does', async () => {
  const { scripts } = JSON.parse(await read('package.json'));
  const command = /^CMD (.*)$/m.exec(await read('Dockerfile'))?.[1] as string;
  expect(JSON.parse(command).join(' ')).toBe(scripts.start.replace(/^exec /, ''));
});
