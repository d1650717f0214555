import { createHmac, timingSafeEqual } from 'node:crypto';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const UUID_BYTES = 16;
/** The first bytes come from the name, the others from the first ones. */
const NAME_BYTES = 10;

/**
 * The ids of named rooms: an HMAC of tenant and name, in the shape of a version 4 UUID (RFC 9562, section 5.4). So the base
 * protocol has ids as ever, and without the secret no id can be computed from a name. The last 48 bits are a mark: every node
 * can tell the id of a named room from another one, without a list of the names.
 */
export class RoomNames {
  readonly #secret: Uint8Array;

  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  /** A name in the shape of a UUID is an id already. The same name of two tenants is two rooms. */
  idOf(name: string, tenant?: string): string {
    if (isRoomId(name)) return name.toLowerCase();
    // With its length, so that no two pairs of tenant and name are one text.
    const owner = tenant === undefined ? '-\n' : `${Buffer.byteLength(tenant)}\n${tenant}`;
    const bytes = Buffer.alloc(UUID_BYTES);
    this.#hmac('bloom-room-v1', `${owner}\n${name}`).copy(bytes, 0, 0, NAME_BYTES);
    bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
    this.#markOf(bytes).copy(bytes, NAME_BYTES);
    const hex = bytes.toString('hex');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  }

  /** Whether this id was made from a name. A random id is taken for one once in 2^48. */
  isOfName(id: string): boolean {
    if (!isRoomId(id)) return false;
    const bytes = Buffer.from(id.replaceAll('-', ''), 'hex');
    return timingSafeEqual(bytes.subarray(NAME_BYTES), this.#markOf(bytes));
  }

  #markOf(bytes: Buffer): Buffer {
    return this.#hmac('bloom-room-mark-v1', bytes.subarray(0, NAME_BYTES)).subarray(
      0,
      UUID_BYTES - NAME_BYTES,
    );
  }

  #hmac(use: string, data: string | Uint8Array): Buffer {
    return createHmac('sha256', this.#secret).update(`${use}\n`).update(data).digest();
  }
}

export function isRoomId(name: string): boolean {
  return UUID.test(name);
}
