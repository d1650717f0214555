import { createHmac } from 'node:crypto';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * The ids of named rooms: an HMAC of tenant and name, in the shape of a version 4 UUID (RFC 9562, section 5.4). So the base
 * protocol has ids as ever, and without the secret no id can be computed from a name.
 */
export class RoomNames {
  readonly #secret: Uint8Array;

  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  /** A name in the shape of a UUID is an id already. The same name of two tenants is two rooms. */
  idOf(name: string, tenant?: string): string {
    if (isRoomId(name)) return name.toLowerCase();
    // Lengths, so that no two pairs of tenant and name are one text.
    const parts = [
      'bloom-room-v1',
      tenant === undefined ? '-' : String(Buffer.byteLength(tenant)),
      tenant ?? '',
      name,
    ];
    const bytes = createHmac('sha256', this.#secret).update(parts.join('\n')).digest().subarray(0, 16);
    bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
    const hex = bytes.toString('hex');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  }
}

export function isRoomId(name: string): boolean {
  return UUID.test(name);
}
