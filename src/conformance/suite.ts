import { type Check, SECTIONS } from './check.ts';
import { HTTP } from './checks/http.ts';
import { LEAVING } from './checks/leaving.ts';
import { LIMITS } from './checks/limits.ts';
import { REFUSALS } from './checks/refusals.ts';
import { RELAYS } from './checks/relays.ts';
import { ROOMS } from './checks/rooms.ts';
import { SESSIONS } from './checks/sessions.ts';

/** Everything a black box can show of docs/protocol.md, section by section. */
export const SUITE: readonly Check[] = [
  ...ROOMS,
  ...RELAYS,
  ...LEAVING,
  ...REFUSALS,
  ...LIMITS,
  ...HTTP,
  ...SESSIONS,
].sort((a, b) => SECTIONS.indexOf(a.section) - SECTIONS.indexOf(b.section));
