import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { provide } from '../../scripts/test-setup.ts';

const BROWSER = { name: 'chromium', from: 'chromium', use: 'tests in a browser' };
const IP = { name: 'ip', from: 'iproute2', use: 'namespaces' };

let folder: string;
let said: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bloom-setup-'));
  said = '';
});
afterEach(() => rmSync(folder, { recursive: true }));

const machine = (isRoot: boolean) => ({
  path: ['/nowhere', folder],
  isRoot,
  say: (line: string) => {
    said += `${line}\n`;
  },
});

function addProgram(name: string, script = ''): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
}

/** An apt-get that notes its arguments, and installs by copying itself. */
function addAptGet(install = `for p in chromium ip; do /bin/cp "$0" "\${0%/*}/$p"; done`): void {
  addProgram('apt-get', `echo "$*" >> "$0.log"\ncase "$*" in *install*) ${install};; esac`);
}

const aptGetCalls = () => readFileSync(join(folder, 'apt-get.log'), 'utf8').trim().split('\n');

test('says nothing and runs nothing when all is there', () => {
  addAptGet();
  addProgram('chromium');
  addProgram('ip');
  expect(provide(machine(true), [BROWSER, IP])).toEqual([]);
  expect(said).toBe('');
  expect(aptGetCalls).toThrow('ENOENT');
});

test('a file that cannot be executed is no program', () => {
  writeFileSync(join(folder, 'chromium'), '');
  expect(provide(machine(false), [BROWSER])).toEqual([BROWSER]);
});

test('installs what is missing, and only that, as root where there is apt-get', () => {
  addAptGet();
  addProgram('chromium');
  expect(provide(machine(true), [BROWSER, IP])).toEqual([]);
  expect(aptGetCalls()).toEqual([
    expect.stringMatching(/ update$/),
    expect.stringMatching(/ install --yes --no-install-recommends iproute2$/),
  ]);
  expect(said).toBe('Missing for the tests: ip (namespaces).\nInstalling: apt-get install iproute2\n');
});

test('names what is missing, and how to install it, when not root', () => {
  addAptGet();
  expect(provide(machine(false), [BROWSER, IP])).toEqual([BROWSER, IP]);
  expect(aptGetCalls).toThrow('ENOENT');
  expect(said).toContain('Not found: chromium, ip. The tests that need them will fail.');
  expect(said).toContain('sudo apt-get install chromium iproute2\n');
});

test('names what is missing where there is no apt-get', () => {
  expect(provide(machine(true), [BROWSER])).toEqual([BROWSER]);
  expect(said).toContain('Not found: chromium.');
});

test('names what is missing, and why, when apt-get fails', () => {
  addAptGet('echo "E: Unable to locate package" >&2; exit 100');
  expect(provide(machine(true), [BROWSER])).toEqual([BROWSER]);
  expect(said).toContain('apt-get install failed (exit code 100):\nE: Unable to locate package\n');
  expect(said).toContain('Not found: chromium.');
});
