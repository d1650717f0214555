import { afterEach, describe, expect, test } from '@jest/globals';
import type { Description } from '../../src/client/description.ts';
import { writeIdentity } from '../../src/client/identity.ts';
import type { Peer } from '../../src/client/peer.ts';
import { Strays } from '../../src/client/strays.ts';

/** Which id a connection gets after a server restart: only the one that it claims and that the server vouches for. */

const ends: Strays[] = [];
afterEach(() => {
  for (const strays of ends.splice(0)) strays.end();
});

/** Strays of an impolite end with one connection, whose other end has the fingerprint AA. */
function start({ polite = false } = {}) {
  const did: string[] = [];
  const peer = {
    id: 'old',
    claim: undefined as string | undefined,
    polite,
    isNameless: true,
    accepts: ({ fingerprint }: Description) => (fingerprint === 'AA' ? 'yes' : 'no'),
    tell: (text: string) => did.push(`tell ${text}`),
    notify: ({ type }: { type: string }) => did.push(type),
  };
  const strays: Strays = new Strays({
    peers: () => [peer as never as Peer],
    participants: () => ['self', 'bob', 'mallory'],
    offered: (from, description) => {
      did.push(`offered ${from}`);
      strays.offered(from, description);
    },
    rename: (_, id) => {
      did.push(`rename ${id}`);
      peer.isNameless = false;
    },
    drop: () => did.push('drop'),
  });
  ends.push(strays);
  return {
    strays,
    did,
    claim: (id: string) => strays.told(peer as never as Peer, writeIdentity(id)),
  };
}

const description = (fingerprint = 'AA'): Description => ({
  sdp: 'v=0',
  instance: undefined,
  tag: undefined,
  addressee: undefined,
  fingerprint,
});

describe('an answer', () => {
  test('from the id that the connection claims renames the connection', () => {
    const { strays, did, claim } = start();
    claim('bob');
    strays.answered('bob', description());
    expect(did).toEqual(['id.claimed', 'rename bob']);
  });

  test('from an id that the connection does not claim renames nothing', () => {
    const { strays, did, claim } = start();
    strays.answered('bob', description());
    expect(did).toEqual([]);
    claim('bob');
    strays.answered('mallory', description());
    expect(did).toEqual(['id.claimed']);
  });

  test('with another fingerprint renames nothing', () => {
    const { strays, did, claim } = start();
    claim('mallory');
    strays.answered('mallory', description('BB'));
    expect(did).toEqual(['id.claimed']);
  });
});

describe('an offer', () => {
  test('from the id that the connection claims renames the connection, and is taken up', () => {
    const { strays, did, claim } = start({ polite: true });
    claim('bob');
    expect(strays.offered('bob', description())).toBe(false);
    expect(did).toEqual(['rename bob']);
  });

  test('from an id that the connection does not claim renames nothing, and waits', () => {
    const { strays, did, claim } = start({ polite: true });
    claim('bob');
    expect(strays.offered('mallory', description())).toBe(true);
    expect(did).toEqual([]);
  });

  test('that came before the claim is taken up when the claim comes', () => {
    const { strays, did, claim } = start({ polite: true });
    expect(strays.offered('bob', description())).toBe(true);
    claim('bob');
    expect(did).toEqual(['offered bob', 'rename bob']);
  });
});
