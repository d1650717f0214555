import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Keyring } from '../../src/auth/keyring.ts';
import { readSecrets } from '../../src/auth/keys.ts';
import { mintToken } from '../../src/auth/token-command.ts';
import { TokenVerifier } from '../../src/auth/token-verifier.ts';

const SECRETS = `main=${randomBytes(32).toString('base64')}\nnext=${randomBytes(32).toString('base64')}\n`;
let folder: string;
let path: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bloom-token-'));
  path = join(folder, 'secrets');
  writeFileSync(path, SECRETS);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(args: string, env: Record<string, string> = { AUTH_SECRETS_FILE: path }) {
  let out = '';
  let error = '';
  const code = await mintToken(args.split(' ').filter(Boolean), env, {
    out: (text) => (out += text),
    error: (text) => (error += text),
  });
  return { code, out, error };
}

function verify(token: string, rules = {}): Promise<object> {
  return new TokenVerifier(new Keyring([{ keys: readSecrets(SECRETS) }]), {
    maxTtlS: 86_400,
    ...rules,
  }).verify(token.trim());
}

test('mints a token that the server takes', async () => {
  const { code, out, error } = await run('--room standup --name Ada');
  expect({ code, error }).toEqual({ code: 0, error: '' });
  expect(await verify(out)).toMatchObject({
    user_id: 'ada',
    name: 'Ada',
    grants: { rooms: ['standup'], create: 'named', join: true, moderate: false },
  });
});

test('takes every option', async () => {
  const args = `--room a --room b --user u7 --create --moderate --hidden --ttl 15m --kid next --issuer me --audience you --secrets ${path}`;
  const identity = await verify((await run(args, {})).out, { issuer: 'me', audience: 'you' });
  expect(identity).toMatchObject({
    user_id: 'u7',
    grants: { rooms: ['a', 'b'], create: 'any', moderate: true, hidden: true },
  });
  const { issued_at, expires_at } = identity as { issued_at: number; expires_at: number };
  expect(expires_at - Math.floor(issued_at)).toBe(900);
});

test('shows its help', async () => {
  expect(await run('--help')).toMatchObject({ code: 0, out: expect.stringContaining('Usage: bloom token') });
});

test.each([
  ['', 'Which room?'],
  ['--room a', 'Who is it for?'],
  ['--room a --name Ada --ttl 1', '--ttl is 1; allowed:'],
  ['--room a --name Ada --ttl 1y', '--ttl is 1y; allowed:'],
  ['--room a --name Ada --kid none', 'there is no secret with this kid in it.'],
  ['--room a --name Ada --secrets /none', '/none: ENOENT'],
  ['--room a --user \u0007', '--user, --name and --room have 1 to 128 bytes'],
  ['--rooms a', "Unknown option '--rooms'"],
])('%j is refused', async (args, text) => {
  const { code, out, error } = await run(args);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(error).toContain(text);
});

test('says how to make a secret where there is none', async () => {
  expect((await run('--room a --name Ada', {})).error).toContain('openssl rand -base64 32');
});
