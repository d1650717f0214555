import type { RoomId } from '../../src/client/index.ts';
import type { Destination } from './machine.ts';

/**
 * A room's link is `https://HOST/#ROOM`. The room id admits whoever has it, and a fragment is never sent to a server:
 * neither its log nor a proxy's sees it.
 */

/** UUID v4: no room has another kind of id. */
const ROOM_ID = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/i;

/** The room id in a link, or in what somebody has typed or pasted; undefined if there is none. */
export function roomIdIn(text: string): RoomId | undefined {
  return ROOM_ID.exec(text)?.[0].toLowerCase();
}

/** Where a link to this page leads. */
export function destinationOf(pageUrl: string): Destination {
  const { hash } = new URL(pageUrl);
  const roomId = roomIdIn(hash);
  return { roomId, isBad: hash.length > 1 && roomId === undefined };
}

/** The link of a room, on the page at `pageUrl`. */
export function linkTo(roomId: RoomId, pageUrl: string): string {
  const url = new URL(pageUrl);
  url.search = '';
  url.hash = roomId;
  return url.href;
}

/** Where Bloom listens: beside the page, under whatever path a proxy has put it. */
export function signalingUrl(pageUrl: string): URL {
  const url = new URL('ws', pageUrl);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url;
}
