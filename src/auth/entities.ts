import { isUserId, readGrants } from './claims.ts';
import { isPublicKey } from './ed25519.ts';
import { KeysError } from './keys.ts';
import { RefusalError } from './refusal.ts';
import { readStrictJson } from './strict-json.ts';

/** One that may answer a challenge. */
export interface Entity {
  /** Its Ed25519 keys in base64url. */
  readonly keys: readonly string[];
  /** The claim `bloom` of its tokens. */
  readonly claim: Readonly<Record<string, unknown>>;
}

export type Entities = ReadonlyMap<string, Entity>;

/** AUTH_ENTITIES_FILE: `{"alice": {"keys": ["base64url"], "grants": {...}, "peers": ["bob"]}}`. Throws KeysError. */
export function readEntities(text: string): Entities {
  const entities = new Map<string, Entity>();
  for (const [id, entry] of Object.entries(parse(text))) {
    if (!isUserId(id))
      throw new KeysError('the id of an entity is not 1 to 128 bytes without control characters');
    entities.set(id, readEntity(id, entry));
  }
  return entities;
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return readStrictJson(Buffer.from(text));
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    const { check } = error.refusal;
    throw new KeysError(check === 'json' ? 'it is not a JSON object' : `it has a ${check}`);
  }
}

function readEntity(id: string, entry: unknown): Entity {
  const problem = (what: string) => new KeysError(`entity ${JSON.stringify(id)}: ${what}`);
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
    throw problem('it is not an object');
  const { keys, grants = {}, peers, ...others } = entry as Readonly<Record<string, unknown>>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw problem(`${JSON.stringify(unknown)} is not keys, grants or peers`);
  if (!Array.isArray(keys) || keys.length === 0 || !keys.every(isPublicKey))
    throw problem('keys is not a list of Ed25519 keys, each 32 bytes in base64url');
  const claim = { ...(grants as object), ...(peers !== undefined && { peers }) };
  try {
    if (typeof grants !== 'object' || grants === null) throw new RefusalError('grants');
    readGrants(claim);
  } catch {
    throw problem('its grants or peers are not valid');
  }
  return { keys, claim };
}
