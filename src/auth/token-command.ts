import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { SignJWT } from 'jose';
import { readProfile } from './claims.ts';
import { readSecrets, type VerificationKey } from './keys.ts';
import { RefusalError } from './refusal.ts';

/** `bloom token`: mints a token from the server's own secrets, for a first try and for tests. */

const DEFAULT_TTL = '1h';
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

const HELP = `Mints a token that lets its holder in, signed with a secret of AUTH_SECRETS_FILE.

Usage: bloom token --room ROOM [options]

Options:
  --room ROOM        the id of a room that its holder may enter; may be repeated; "*" is every room
  --user ID          who its holder is (default: made from --name)
  --name TEXT        the name that others see
  --create           its holder may create rooms with new ids, too
  --moderate         its holder may moderate
  --hidden           others do not see its holder
  --ttl TIME         how long it is good for: 90s, 15m, 1h, 1d (default ${DEFAULT_TTL})
  --secrets FILE     lines kid=base64 (default: AUTH_SECRETS_FILE)
  --kid KID          which of the secrets signs (default: the first)
  --issuer TEXT      the claim iss (default: AUTH_ISSUER)
  --audience TEXT    the claim aud (default: AUTH_AUDIENCE)
  -h, --help         show this help

The token alone is written to standard output. The exit code is 0, or 2 when an option is wrong.
`;

class UsageError extends Error {}

/** Where the token goes. */
export interface Output {
  out(text: string): void;
  error(text: string): void;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Runs the subcommand with what follows its name; settles with the exit code. */
export async function mintToken(args: string[], env: Environment, { out, error }: Output): Promise<0 | 2> {
  try {
    const options = parse(args);
    out(options.help ? HELP : `${await mint(options, env)}\n`);
    return 0;
  } catch (problem) {
    if (!(problem instanceof UsageError)) throw problem;
    error(`${problem.message}\nSee bloom token --help.\n`);
    return 2;
  }
}

type Options = ReturnType<typeof parse>;

function parse(args: string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  try {
    return parseArgs({
      args,
      options: {
        room: { type: 'string', multiple: true, default: [] },
        ...{ user: text, name: text, ttl: { ...text, default: DEFAULT_TTL } },
        ...{ create: flag, moderate: flag, hidden: flag },
        ...{ secrets: text, kid: text, issuer: text, audience: text },
        help: { ...flag, short: 'h' },
      },
    }).values;
  } catch (problem) {
    throw new UsageError((problem as Error).message);
  }
}

async function mint(options: Options, env: Environment): Promise<string> {
  const { room: rooms, name, create, moderate, hidden } = options;
  if (rooms.length === 0 && !create)
    throw new UsageError('Which room? --room with its id or "*", or --create for new ones.');
  const sub = options.user ?? (name && userOf(name));
  if (sub === undefined || sub === '') throw new UsageError('Who is it for? --name Ada, or --user ada.');
  const { kid, key } = keyFor(options, env);
  const bloom = {
    rooms,
    ...(create && { create }),
    ...(moderate && { moderate }),
    ...(hidden && { hidden }),
  };
  const claims = { sub, ...(name !== undefined && { name }), bloom };
  try {
    readProfile(claims);
  } catch (problem) {
    if (!(problem instanceof RefusalError)) throw problem;
    throw new UsageError('--user, --name and --room have 1 to 128 bytes, without control characters.');
  }
  const issuedAt = Math.floor(Date.now() / 1000);
  const token = new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid })
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + secondsOf(options.ttl));
  const issuer = options.issuer ?? env.AUTH_ISSUER;
  const audience = options.audience ?? env.AUTH_AUDIENCE;
  if (issuer) token.setIssuer(issuer);
  if (audience) token.setAudience(audience);
  return token.sign(key);
}

function keyFor({ secrets, kid }: Options, { AUTH_SECRETS_FILE }: Environment): VerificationKey {
  const path = secrets ?? AUTH_SECRETS_FILE;
  if (!path) {
    throw new UsageError(
      'Which secret signs? Set AUTH_SECRETS_FILE, or give --secrets FILE. This makes one: echo "main=$(openssl rand -base64 32)" > secrets',
    );
  }
  try {
    const keys = readSecrets(readFileSync(path, 'utf8'));
    const key = kid === undefined ? [...keys.values()][0] : keys.get(kid);
    if (key === undefined) throw new Error('there is no secret with this kid in it');
    return key;
  } catch (problem) {
    throw new UsageError(`${path}: ${(problem as Error).message}.`);
  }
}

function secondsOf(ttl: string): number {
  const [, amount = '', unit = 's'] = /^([1-9]\d{0,8})([smhd])$/.exec(ttl) ?? [];
  if (amount === '')
    throw new UsageError(`--ttl is ${ttl}; allowed: a number with s, m, h or d, such as 15m.`);
  return Number(amount) * (UNITS[unit] as number);
}

/** `Ada Lovelace` is ada-lovelace. */
function userOf(name: string): string {
  return name.trim().toLowerCase().replace(/\s+/g, '-');
}
