import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

/** .ci/run, with an npm that does nothing but succeed or fail. */

let checkout: string;
beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'bloom-ci-'));
  cpSync(join(import.meta.dirname, '../.ci'), join(checkout, '.ci'), { recursive: true });
  mkdirSync(join(checkout, 'bin'));
});
afterEach(() => rmSync(checkout, { recursive: true }));

interface Results {
  numPassedTests: number;
  numFailedTests: number;
  numRuntimeErrorTestSuites: number;
}

/** Runs .ci/run; `failing` are the npm commands that exit with 1, `results` what Jest writes, if anything. */
function ci(failing: string[], results?: Results): { code: number | null; calls: string[]; lines: string[] } {
  const write = results === undefined ? '' : `echo '${JSON.stringify(results)}' > "\${5#*=}"`;
  const npm = `#!/bin/sh
    echo "npm $1 $2"
    [ "$1" != test ] || ${write || ':'}
    case ",${failing.join(',')}," in *",$1,"* | *",$2,"*) exit 1 ;; esac`;
  writeFileSync(join(checkout, 'bin/npm'), npm);
  chmodSync(join(checkout, 'bin/npm'), 0o755);
  const path = [join(checkout, 'bin'), dirname(process.execPath), process.env.PATH];
  const { status, stdout, stderr } = spawnSync('bash', [join(checkout, '.ci/run')], {
    cwd: tmpdir(),
    env: { PATH: path.join(delimiter) },
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  const lines = stdout.trimEnd().split('\n');
  return { code: status, calls: lines.filter((line) => line.startsWith('npm ')), lines };
}

const GREEN = { numPassedTests: 7, numFailedTests: 0, numRuntimeErrorTestSuites: 0 };
const ALL = ['npm ci --no-audit', 'npm run typecheck', 'npm run lint', 'npm test --'];

test('all is well', () => {
  const { code, calls, lines } = ci([], GREEN);
  expect(calls).toEqual(ALL);
  expect([code, lines.at(-1)]).toEqual([0, '7 passed, 0 failed']);
});

test('failed tests are counted, and files that could not be run', () => {
  const { code, lines } = ci(['test'], { ...GREEN, numFailedTests: 2, numRuntimeErrorTestSuites: 1 });
  expect(lines.slice(-2)).toEqual(['=== FAILED: test', '7 passed, 3 failed']);
  expect(code).toBe(1);
});

test.each(['typecheck', 'lint'])('a failed %s fails the run; the rest is run all the same', (step) => {
  const { code, calls, lines } = ci([step], GREEN);
  expect(calls).toEqual(ALL);
  expect(lines).toContain(`=== ${step} FAILED with exit code 1`);
  expect(lines.slice(-2)).toEqual([`=== FAILED: ${step}`, '7 passed, 1 failed']);
  expect(code).toBe(1);
});

test('an install that fails ends the run', () => {
  const { code, calls, lines } = ci(['ci'], GREEN);
  expect(calls).toEqual(['npm ci --no-audit']);
  expect(lines.slice(-2)).toEqual(['=== FAILED: install', '0 passed, 1 failed']);
  expect(code).toBe(1);
});

test('tests that fail without a count fail the run', () => {
  expect(ci(['test']).lines.at(-1)).toBe('0 passed, 1 failed');
  expect(ci(['test'], GREEN).lines.at(-1)).toBe('7 passed, 1 failed');
  expect(ci(['lint', 'test']).lines.at(-1)).toBe('0 passed, 2 failed');
});

test.each([
  ['no count', undefined],
  ['a count of none', { ...GREEN, numPassedTests: 0 }],
])('tests that leave %s have not run', (_, results) => {
  const { code, lines } = ci([], results);
  expect([code, lines.at(-1)]).toEqual([1, '0 passed, 1 failed']);
});
