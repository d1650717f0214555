import { expect, test } from '@jest/globals';
import type { Mesh, MeshPeer, Signaling } from '../../../src/client/index.ts';
import { announcementsBetween } from '../../../web/call/announcements.ts';
import { encode } from '../../../web/call/messages.ts';
import { People } from '../../../web/call/people.ts';
import type { LocalMedia } from '../../../web/media/local-media.ts';
import { Store } from '../../../web/store.ts';

/** The room of the test: `selfId` and the others are in it, and `peers` are the connections. */
function room(...others: string[]) {
  const listeners = new Map<string, ((event: unknown) => void)[]>();
  const on = (type: string, listener: (event: unknown) => void) => {
    listeners.set(type, [...(listeners.get(type) ?? []), listener]);
  };
  const emit = (type: string, event?: unknown) => {
    for (const listener of listeners.get(type) ?? []) listener(event);
  };
  const peers = new Map<string, MeshPeer>();
  const signaling = { selfId: 'me', room: { roomId: 'r', participants: ['me', ...others] }, on };
  const source = {
    state: new Store({ status: 'off' }),
    stream: { getAudioTracks: () => [], getVideoTracks: () => [] },
  };
  const people = new People(
    signaling as unknown as Signaling,
    { peers, on, send: () => 1 } as unknown as Mesh,
    {
      microphone: source,
      camera: source,
      screen: source,
      isMuted: new Store(false),
    } as unknown as LocalMedia,
    new Store('Aiko'),
    new AbortController().signal,
  );
  const connect = (id: string, state = 'connected'): MeshPeer => {
    const peer = { id, state, tracks: [] } as unknown as MeshPeer;
    peers.set(id, peer);
    emit('peer', peer);
    return peer;
  };
  const told = (peer: MeshPeer, name: string) =>
    emit('message', { peer, data: encode({ type: 'profile', name, isMuted: true }) });
  return { people, peers, signaling, emit, connect, told };
}

const other = ({ people }: ReturnType<typeof room>) => people.list.get().find(({ isSelf }) => !isSelf);

test('who reloads has a new connection, and is the same person: has neither left nor come', () => {
  const its = room('ken');
  const first = its.connect('ken');
  its.told(first, 'Ken');
  const lists = [its.people.list.get()];
  const note = () => lists.push(its.people.list.get());

  its.peers.delete('ken');
  its.emit('peerClosed', first);
  note();
  expect(other(its)).toMatchObject({ name: 'Ken', isKnown: true, isMuted: true, state: 'reconnecting' });
  const second = its.connect('ken', 'connecting');
  note();
  expect(other(its)).toMatchObject({ name: 'Ken', state: 'reconnecting' });
  Object.assign(second, { state: 'connected' });
  its.emit('peerState', second);
  note();
  its.told(second, 'Kenta');
  note();
  expect(other(its)).toMatchObject({ name: 'Kenta', state: 'connected' });

  const announcements = lists.slice(1).flatMap((after, i) => announcementsBetween(lists[i] as never, after));
  expect(announcements.map(({ type }) => type)).toEqual(['lost', 'back']);
});

test('who leaves is forgotten', () => {
  const its = room('ken');
  const peer = its.connect('ken');
  its.told(peer, 'Ken');
  its.peers.delete('ken');
  Object.assign(its.signaling.room, { participants: ['me'] });
  its.emit('peerClosed', peer);
  expect(other(its)).toBeUndefined();
});

test('after a server restart a person is the same under another id', () => {
  const its = room('ken');
  const peer = its.connect('ken');
  its.told(peer, 'Ken');
  const { key } = other(its) as { key: string };
  its.peers.delete('ken');
  its.peers.set('new', Object.assign(peer, { id: 'new' }));
  Object.assign(its.signaling.room, { participants: ['me', 'new'] });
  its.emit('renamed', { peer, previousId: 'ken' });
  expect(other(its)).toMatchObject({ key, name: 'Ken' });
});
