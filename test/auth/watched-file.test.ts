import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { WatchedFile } from '../../src/auth/watched-file.ts';
import { until } from '../support/wait.ts';

let folder: string;
let path: string;
let lines: string[];
let file: WatchedFile<number> | undefined;
const log = {
  info: (_: object, text: string) => void lines.push(text),
  error: (fields: object, text: string) =>
    void lines.push(`${text} (${(fields as { reason: string }).reason})`),
};

function readNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new Error('it is not a number');
  return Number(text);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bloom-file-'));
  path = join(folder, 'number');
  lines = [];
  writeFileSync(path, '1');
});
afterEach(() => {
  file?.stop();
  rmSync(folder, { recursive: true });
});

test('a file that changes is read again, also where a link leads to another file', async () => {
  const link = join(folder, 'link');
  symlinkSync(path, link);
  file = new WatchedFile('AUTH_FILE', link, readNumber, log, 20);
  expect(file.value).toBe(1);
  writeFileSync(join(folder, 'other'), '22');
  symlinkSync(join(folder, 'other'), join(folder, 'next'));
  renameSync(join(folder, 'next'), link);
  await until('the other file is read', () => file?.value === 22);
});

test('a file that becomes wrong changes nothing, and the log says why', () => {
  file = new WatchedFile('AUTH_FILE', path, readNumber, log);
  writeFileSync(path, 'two');
  file.reload();
  rmSync(path);
  file.reload();
  expect(file.value).toBe(1);
  expect(lines).toEqual([
    'file of a setting is wrong: what was read before stays (it is not a number)',
    expect.stringMatching(/^file of a setting is wrong: what was read before stays \(ENOENT/),
  ]);
  writeFileSync(path, '3');
  file.reload();
  expect(file.value).toBe(3);
});

test('a file that is wrong at the start is an error that names the setting', () => {
  writeFileSync(path, 'one');
  expect(() => new WatchedFile('AUTH_FILE', path, readNumber, log)).toThrow(
    `AUTH_FILE ${path}: it is not a number.`,
  );
  expect(() => new WatchedFile('AUTH_FILE', join(folder, 'none'), readNumber, log)).toThrow(
    /^AUTH_FILE .*ENOENT/,
  );
});
