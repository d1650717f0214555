import * as v from 'valibot';
import { type Grants, type Identity, NO_GRANTS } from './identity.ts';
import { type Check, RefusalError } from './refusal.ts';

/**
 * Reads what a token says about its user. The claim `bloom` has Bloom's own grants. The claim `video` has LiveKit's, as
 * livekit-server-sdk makes them; `bloom` wins where a token has both.
 */

const MAX_ROOMS = 100;
const MAX_FLOORS = 32;
const MAX_CAPACITY = 1000;
const MAX_PEERS = 1000;
const MAX_ATTRIBUTES = 32;
/** Names and values of all attributes together, in bytes. */
const MAX_ATTRIBUTES_BYTES = 4096;

/** Text without control characters: it reaches logs and the user part of TURN credentials. */
function text(maxBytes: number) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  return v.pipe(v.string(), v.minLength(1), v.maxBytes(maxBytes), v.regex(/^[^\u0000-\u001f\u007f]*$/));
}

const UserId = text(128);
const Name = text(128);
const RoomName = text(128);

export const Attributes = v.pipe(
  v.record(v.pipe(v.string(), v.regex(/^[A-Za-z][\w.-]{0,63}$/)), v.string()),
  v.check((attributes) => Object.keys(attributes).length <= MAX_ATTRIBUTES),
  v.check(
    (attributes) => Buffer.byteLength(Object.entries(attributes).flat().join('')) <= MAX_ATTRIBUTES_BYTES,
  ),
);

const flag = v.optional(v.boolean());

const BloomClaim = v.object({
  rooms: v.optional(v.pipe(v.array(RoomName), v.maxLength(MAX_ROOMS))),
  create: flag,
  join: flag,
  broadcast: flag,
  moderate: flag,
  floors: v.optional(v.pipe(v.array(text(64)), v.maxLength(MAX_FLOORS))),
  hidden: flag,
  capacity: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_CAPACITY))),
  lobby: v.optional(v.picklist(['wait', 'skip'])),
  turn: flag,
  profile: flag,
  gateway: flag,
  tenant: v.optional(text(128)),
  peers: v.optional(v.pipe(v.array(UserId), v.maxLength(MAX_PEERS))),
});

/** LiveKit's VideoGrant: the fields that have a meaning without a media server. */
const VideoClaim = v.object({
  room: v.optional(v.union([v.literal(''), RoomName])),
  roomJoin: flag,
  roomCreate: flag,
  roomAdmin: flag,
  canPublishData: flag,
  canUpdateOwnMetadata: flag,
  hidden: flag,
});

/** The claim `bloom` on its own, as an allow-list has it. Throws RefusalError. */
export function readGrants(claim: unknown): Grants {
  return grantsOf(read(BloomClaim, claim, 'grants'));
}

export function isUserId(value: unknown): value is string {
  return v.is(UserId, value);
}

export type Profile = Pick<Identity, 'user_id' | 'name' | 'attributes' | 'tenant' | 'grants'>;

/** `defaults` is for tokens with neither claim, such as those of an identity provider. Throws RefusalError. */
export function readProfile(
  claims: Readonly<Record<string, unknown>>,
  defaults: Grants = NO_GRANTS,
): Profile {
  const { sub, name, attributes, bloom, video } = claims;
  const own = bloom === undefined ? undefined : read(BloomClaim, bloom, 'grants');
  return {
    user_id: read(UserId, sub, 'subject'),
    // LiveKit's SDK leaves an empty name in.
    ...(name !== undefined && name !== '' && { name: read(Name, name, 'profile') }),
    attributes: attributes === undefined ? {} : read(Attributes, attributes, 'profile'),
    ...(own?.tenant !== undefined && { tenant: own.tenant }),
    grants: own !== undefined ? grantsOf(own) : video !== undefined ? liveKitGrants(video) : defaults,
  };
}

function grantsOf(claim: v.InferOutput<typeof BloomClaim>): Grants {
  const { create, capacity, peers } = claim;
  return {
    rooms: claim.rooms ?? [],
    create: create === undefined ? 'named' : create ? 'any' : 'none',
    join: claim.join ?? true,
    broadcast: claim.broadcast ?? true,
    moderate: claim.moderate ?? false,
    floors: claim.floors ?? ['*'],
    hidden: claim.hidden ?? false,
    ...(capacity !== undefined && { capacity }),
    lobby: claim.lobby ?? 'wait',
    turn: claim.turn ?? true,
    profile: claim.profile ?? true,
    gateway: claim.gateway ?? false,
    ...(peers !== undefined && { peers }),
  };
}

/** `roomJoin` without a room, or with the empty one, is LiveKit's grant of nothing: it never means every room. */
function liveKitGrants(claim: unknown): Grants {
  const video = read(VideoClaim, claim, 'grants');
  const { room = '', roomJoin = false, roomAdmin = false } = video;
  const join = roomJoin && room !== '';
  return {
    rooms: join ? [room] : [],
    create: video.roomCreate ? 'any' : join ? 'named' : 'none',
    join,
    broadcast: join && (video.canPublishData ?? true),
    moderate: join && roomAdmin,
    floors: join ? ['*'] : [],
    hidden: video.hidden ?? false,
    lobby: roomAdmin ? 'skip' : 'wait',
    turn: join,
    profile: video.canUpdateOwnMetadata ?? false,
    gateway: false,
  };
}

function read<T>(schema: v.GenericSchema<unknown, T>, value: unknown, check: Check): T {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (!result.success) throw new RefusalError(check);
  return result.output;
}
