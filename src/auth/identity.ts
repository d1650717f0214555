/** Who a participant is, and what it may do. Plain data: a node can send it to another node. */

/** What a participant may do. Nothing here names a socket or an object of this process. */
export interface Grants {
  /** Names and ids of rooms; `*` is every room. */
  readonly rooms: readonly string[];
  /**
   * Which rooms it may open. `any`: with CreateRoom, too. `named`: those that `rooms` names, as LiveKit opens the room of a
   * token. `none`: no room.
   */
  readonly create: 'any' | 'named' | 'none';
  readonly join: boolean;
  /** Whether it may send to all members at once. */
  readonly broadcast: boolean;
  readonly moderate: boolean;
  /** Names of floors that it may ask for; `*` is every floor. */
  readonly floors: readonly string[];
  /** Whether other members do not see it. */
  readonly hidden: boolean;
  /** How many participants a room that it opens may have; undefined: as many as the server allows. */
  readonly capacity?: number;
  /** `skip`: it enters without waiting in a lobby. */
  readonly lobby: 'wait' | 'skip';
  /** Whether it gets TURN credentials in a room. */
  readonly turn: boolean;
  /** Whether it may change its own name and attributes. */
  readonly profile: boolean;
  /** Whether it may take the role of a gateway. */
  readonly gateway: boolean;
  /** Users with whom it may exchange messages; undefined: any. */
  readonly peers?: readonly string[];
}

export interface Identity {
  readonly user_id: string;
  /** It brought nothing: its `user_id` was made for it, and is another one the next time. */
  readonly anonymous?: true;
  readonly name?: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly tenant?: string;
  readonly grants: Grants;
  /** Unix seconds. Revocations are compared with it. */
  readonly issued_at: number;
  /** Unix seconds. */
  readonly expires_at: number;
}

/** What the base protocol allows to everybody. */
export const ALL_GRANTS: Grants = {
  rooms: ['*'],
  create: 'any',
  join: true,
  broadcast: true,
  moderate: false,
  floors: ['*'],
  hidden: false,
  lobby: 'wait',
  turn: true,
  profile: true,
  gateway: false,
};

/** A token that says nothing about grants names a user and allows nothing. */
export const NO_GRANTS: Grants = {
  rooms: [],
  create: 'none',
  join: false,
  broadcast: false,
  moderate: false,
  floors: [],
  hidden: false,
  lobby: 'wait',
  turn: false,
  profile: false,
  gateway: false,
};

export function mayTakeFloor({ floors }: Grants, floor: string): boolean {
  return floors.includes('*') || floors.includes(floor);
}

/** A relay needs the consent of both lists: that of its sender and that of its recipient. */
export function mayReach(
  from: Pick<Identity, 'user_id' | 'grants'>,
  to: Pick<Identity, 'user_id' | 'grants'>,
): boolean {
  const lists = (peers: readonly string[] | undefined, user: string) =>
    peers === undefined || peers.includes(user);
  return lists(from.grants.peers, to.user_id) && lists(to.grants.peers, from.user_id);
}
