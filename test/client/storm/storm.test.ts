import { describe, expect, test } from '@jest/globals';
import type { PeerStanding, Standing } from './page.ts';
import { PAGES, scheduleOf } from './schedule.ts';
import { faultsOf } from './storm.ts';

describe('a schedule', () => {
  test('follows from its seed', () => {
    expect(scheduleOf(7, 20)).toEqual(scheduleOf(7, 20));
    expect(scheduleOf(7, 20)).not.toEqual(scheduleOf(8, 20));
  });

  test('has every kind of step within some seeds, and removes or replaces only what was added', () => {
    const kinds = new Set<string>();
    for (let seed = 0; seed < 50; seed++) {
      const sent: Set<number>[] = Array.from({ length: PAGES }, () => new Set());
      const inside = Array<boolean>(PAGES).fill(true);
      for (const step of scheduleOf(seed, 20)) {
        kinds.add(step.do);
        const sources = sent[step.page] as Set<number>;
        if (step.do === 'add') sources.add(step.source);
        else if ('source' in step) expect(sources.has(step.source)).toBe(true);
        if (step.do === 'remove') sources.delete(step.source);
        expect(sources.size).toBeLessThanOrEqual(4);
        if (step.do === 'leave' || step.do === 'join') {
          expect(inside[step.page]).toBe(step.do === 'leave');
          inside[step.page] = step.do === 'join';
        }
      }
    }
    expect([...kinds].sort()).toEqual([
      'add',
      'changeDevice',
      'halfOpen',
      'join',
      'leave',
      'remove',
      'replace',
      'resetSocket',
      'restartIce',
    ]);
  });
});

describe('what is looked at after a storm', () => {
  const ids = ['a', 'b', 'c'];
  const well = (self: string): Standing => ({
    self,
    participants: ids,
    status: 'connected',
    sent: [`audio ${self} 1`],
    largestDescription: 5000,
    peers: ids.filter((id) => id !== self).map((id) => peer(id)),
  });
  const peer = (id: string): PeerStanding => ({
    id,
    state: 'connected',
    signaling: 'stable',
    connection: 'connected',
    negotiation: '',
    received: [`audio ${id} 1`],
    isFlowing: true,
  });
  const faults = (page: Partial<Standing>) => faultsOf([{ ...well('a'), ...page }, well('b'), well('c')]);
  const withPeer = (b: Partial<PeerStanding>) => faults({ peers: [{ ...peer('b'), ...b }, peer('c')] });

  test('is well when all is well', () => {
    expect(faults({})).toEqual([]);
  });

  test('has a fault for each thing that is not', () => {
    expect(faults({ status: 'waiting' })).toEqual(['page 0: signalling is waiting']);
    expect(faults({ participants: ['a', 'b'] })).toEqual(['page 0: 2 participants in the room']);
    expect(faults({ peers: [peer('b')] })).toEqual(['page 0: 1 peers', 'page 0: page 2 is no peer']);
    expect(faults({ largestDescription: 40_000 })).toEqual(['page 0: a description of 40000']);
    expect(withPeer({ state: 'failed' })).toEqual(['page 0: page 1: failed, connection connected']);
    expect(withPeer({ signaling: 'have-local-offer' })).toHaveLength(1);
    expect(withPeer({ received: [] })).toEqual(['page 0: page 1: receives [], sent is [audio b 1]']);
    expect(withPeer({ received: ['audio b 2'] })).toHaveLength(1);
    expect(withPeer({ isFlowing: false })).toEqual(['page 0: page 1: a received track brings no packets']);
  });
});
