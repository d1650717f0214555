import { afterEach, describe, expect, test } from '@jest/globals';
import type { Description } from '../../src/client/description.ts';
import { writeIdentity } from '../../src/client/identity.ts';
import { OrphanedPeers } from '../../src/client/orphaned-peers.ts';
import type { Peer } from '../../src/client/peer.ts';

/** After a server restart a connection gets a new id only if it claims the id and the server confirms the sender. */

const ends: OrphanedPeers[] = [];
afterEach(() => {
  for (const orphanedPeers of ends.splice(0)) orphanedPeers.end();
});

/** OrphanedPeers of an impolite end with one connection, whose other end has the fingerprint AA. */
function start({ polite = false } = {}) {
  const did: string[] = [];
  const peer = {
    id: 'old',
    claim: undefined as string | undefined,
    polite,
    hasUnknownId: true,
    accepts: ({ fingerprint }: Description) => (fingerprint === 'AA' ? 'yes' : 'no'),
    tell: (text: string) => did.push(`tell ${text}`),
    notify: ({ type }: { type: string }) => did.push(type),
  };
  const orphanedPeers: OrphanedPeers = new OrphanedPeers({
    peers: () => [peer as never as Peer],
    participants: () => ['self', 'bob', 'mallory'],
    offered: (from, description) => {
      did.push(`offered ${from}`);
      orphanedPeers.offered(from, description);
    },
    rename: (_, id) => {
      did.push(`rename ${id}`);
      peer.hasUnknownId = false;
    },
    drop: () => did.push('drop'),
  });
  ends.push(orphanedPeers);
  return {
    orphanedPeers,
    did,
    claim: (id: string) => orphanedPeers.told(peer as never as Peer, writeIdentity(id)),
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
    const { orphanedPeers, did, claim } = start();
    claim('bob');
    orphanedPeers.answered('bob', description());
    expect(did).toEqual(['id.claimed', 'rename bob']);
  });

  test('from an id that the connection does not claim renames nothing', () => {
    const { orphanedPeers, did, claim } = start();
    orphanedPeers.answered('bob', description());
    expect(did).toEqual([]);
    claim('bob');
    orphanedPeers.answered('mallory', description());
    expect(did).toEqual(['id.claimed']);
  });

  test('with another fingerprint renames nothing', () => {
    const { orphanedPeers, did, claim } = start();
    claim('mallory');
    orphanedPeers.answered('mallory', description('BB'));
    expect(did).toEqual(['id.claimed']);
  });
});

describe('an offer', () => {
  test('from the id that the connection claims renames the connection, and is taken up', () => {
    const { orphanedPeers, did, claim } = start({ polite: true });
    claim('bob');
    expect(orphanedPeers.offered('bob', description())).toBe(false);
    expect(did).toEqual(['rename bob']);
  });

  test('from an id that the connection does not claim renames nothing, and waits', () => {
    const { orphanedPeers, did, claim } = start({ polite: true });
    claim('bob');
    expect(orphanedPeers.offered('mallory', description())).toBe(true);
    expect(did).toEqual([]);
  });

  test('that came before the claim is taken up when the claim comes', () => {
    const { orphanedPeers, did, claim } = start({ polite: true });
    expect(orphanedPeers.offered('bob', description())).toBe(true);
    claim('bob');
    expect(did).toEqual(['offered bob', 'rename bob']);
  });
});
