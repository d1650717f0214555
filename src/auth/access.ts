import type { Identity } from './identity.ts';
import type { RoomNames } from './room-names.ts';

/** What one identity may do with rooms. Names in its grants are ids here, so an id that a member passed on works as well. */
export class Access {
  readonly identity: Identity;
  readonly #names: RoomNames;
  /** Ids of the rooms that the grants list. */
  readonly #ids: ReadonlySet<string>;
  readonly #hasAll: boolean;

  constructor(identity: Identity, names: RoomNames) {
    const { grants, tenant } = identity;
    this.identity = identity;
    this.#names = names;
    this.#hasAll = grants.rooms.includes('*');
    this.#ids = new Set(grants.rooms.filter((room) => room !== '*').map((room) => names.idOf(room, tenant)));
  }

  /** The id that this name has for the identity. */
  idOf(name: string): string {
    return this.#names.idOf(name, this.identity.tenant);
  }

  /** Somebody without a token may enter any room whose id it knows, except rooms with a name. */
  mayJoin(id: string): boolean {
    const { grants, anonymous } = this.identity;
    if (!grants.join) return false;
    return this.#ids.has(id) || (this.#hasAll && !(anonymous && this.#names.isOfName(id)));
  }

  /** Whether a join may open the room where it does not exist. */
  mayOpen(id: string): boolean {
    const { create } = this.identity.grants;
    return this.mayJoin(id) && (create === 'any' || (create === 'named' && this.#ids.has(id)));
  }

  /** Whether it may open a room with a new id. */
  get mayCreate(): boolean {
    return this.identity.grants.create === 'any';
  }
}
