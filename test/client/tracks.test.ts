import { describe, expect, test } from '@jest/globals';
import { Tracks } from '../../src/client/tracks.ts';

/** Which transceiver a track is sent on, on a connection that negotiates when the test says so. */

interface Transceiver {
  mid: string | null;
  direction: string;
  currentDirection: string | null;
  sender: {
    track: unknown;
    streams: string[];
    replaceTrack(track: unknown): Promise<void>;
    setStreams(...streams: MediaStream[]): void;
  };
  receiver: { track: { kind: string } };
  stop(): void;
}

function start() {
  const transceivers: Transceiver[] = [];
  const ended: unknown[] = [];
  let needed = 0;
  let most = 60_000;
  let listen: (event: unknown) => void = () => {};
  const make = (kind: string, direction: string, track: unknown, streams: MediaStream[]): Transceiver => {
    const each: Transceiver = {
      mid: null,
      direction,
      currentDirection: null,
      sender: {
        track,
        streams: streams.map(({ id }) => id),
        async replaceTrack(other) {
          each.sender.track = other;
        },
        setStreams(...others) {
          each.sender.streams = others.map(({ id }) => id);
        },
      },
      receiver: { track: { kind } },
      stop: () => {
        each.currentDirection = 'stopped';
      },
    };
    transceivers.push(each);
    return each;
  };
  const connection = {
    localDescription: null as { sdp: string } | null,
    getTransceivers: () => transceivers,
    addTransceiver: (kind: string, { direction }: { direction: string }) => make(kind, direction, null, []),
    addTrack: (track: MediaStreamTrack, ...streams: MediaStream[]) =>
      make(track.kind, 'sendrecv', track, streams).sender,
    addEventListener: (_: string, listener: (event: unknown) => void) => {
      listen = listener;
    },
  };
  const tracks = new Tracks(connection as never, {
    trackStarted: () => {},
    trackEnded: (track) => ended.push(track),
    limit: () => most,
    needed: () => {
      needed += 1;
    },
    failed: (error) => {
      throw error;
    },
  });
  return {
    tracks,
    transceivers,
    ended,
    connection,
    hear: (event: unknown) => listen(event),
    needed: () => needed,
    limit: (bytes: number) => {
      most = bytes;
    },
    /** The other end agrees to all that is there. */
    negotiate(): void {
      for (const [i, each] of transceivers.entries()) {
        if (each.currentDirection === 'stopped') continue;
        each.mid = String(i);
        each.currentDirection = each.direction === 'sendrecv' ? 'sendonly' : 'inactive';
      }
      tracks.settle();
    },
    sent: () =>
      transceivers.map(({ sender: { track, streams }, direction }) => [
        (track as { id: string } | null)?.id ?? null,
        ...streams,
        direction,
      ]),
  };
}

const track = (id: string, stream: string, kind = 'video') => ({
  track: { id, kind } as MediaStreamTrack,
  streams: [{ id: stream } as MediaStream],
});
const [first, second, third] = [track('1', 'a'), track('2', 'b'), track('3', 'c')];

test('a transceiver whose track was removed is used for the next track of its kind', () => {
  const { tracks, negotiate, sent, needed } = start();
  tracks.add(first);
  negotiate();
  tracks.remove(first.track);
  negotiate();
  expect([sent(), needed()]).toEqual([[[null, 'a', 'recvonly']], 1]);
  tracks.add(second);
  expect([sent(), needed()]).toEqual([[['2', 'b', 'sendrecv']], 2]);
});

test('a track in other streams waits until the other end has agreed that nothing is sent', () => {
  const { tracks, negotiate, sent } = start();
  tracks.add(first);
  negotiate();
  tracks.remove(first.track);
  tracks.add(second);
  expect(sent()).toEqual([[null, 'a', 'recvonly']]);
  tracks.add(third); // only one can wait for that transceiver
  expect(sent()).toEqual([
    [null, 'a', 'recvonly'],
    ['3', 'c', 'sendrecv'],
  ]);
  negotiate();
  expect(sent()[0]).toEqual(['2', 'b', 'sendrecv']);
});

test('the streams of a transceiver that is used again are named again, for a browser that forgets them', () => {
  const { tracks, negotiate, sent, transceivers } = start();
  tracks.add(first);
  tracks.add(third);
  negotiate();
  tracks.remove(first.track);
  negotiate();
  tracks.add(second);
  for (const { sender } of transceivers) sender.streams = ['a'];
  tracks.nameStreams();
  expect(sent()).toEqual([
    ['2', 'b', 'sendrecv'],
    ['3', 'a', 'sendrecv'], // was no other track's: left alone
  ]);
});

test('a track in the same streams does not wait', () => {
  const { tracks, negotiate, sent } = start();
  tracks.add(first);
  negotiate();
  tracks.remove(first.track);
  tracks.add(track('4', 'a'));
  expect(sent()).toEqual([['4', 'a', 'sendrecv']]);
});

test('a track that waits can be replaced, and removed', async () => {
  const { tracks, negotiate, sent } = start();
  tracks.add(first);
  negotiate();
  tracks.remove(first.track);
  tracks.add(second);
  await tracks.replace(second.track, third.track);
  negotiate();
  expect(sent()).toEqual([['3', 'b', 'sendrecv']]);
  tracks.remove(third.track);
  tracks.add(second);
  tracks.add(first);
  tracks.remove(first.track);
  negotiate();
  expect(sent()[0]).toEqual(['2', 'b', 'sendrecv']);
});

test('a transceiver of the other end is used, and one of another kind is not', () => {
  const { tracks, connection, sent } = start();
  connection.addTransceiver('video', { direction: 'recvonly' });
  tracks.add(track('voice', 'v', 'audio'));
  tracks.add(first);
  expect(sent()).toEqual([
    ['1', 'a', 'sendrecv'],
    ['voice', 'v', 'sendrecv'],
  ]);
});

test('an offer has a section of each kind', () => {
  const { tracks, transceivers } = start();
  tracks.add(first);
  tracks.reserve();
  tracks.reserve();
  expect(transceivers.map(({ receiver, direction }) => [receiver.track.kind, direction])).toEqual([
    ['video', 'sendrecv'],
    ['audio', 'recvonly'],
  ]);
});

describe('a description that would be too large', () => {
  const section = `m=video 9\r\na=${'x'.repeat(1000)}\r\n`;

  test('does not get the track, which is sent when a transceiver is free', () => {
    const { tracks, connection, limit, negotiate, sent } = start();
    tracks.add(first);
    negotiate();
    connection.localDescription = { sdp: `v=0\r\n${section}` };
    limit(2000);
    tracks.add(second);
    tracks.add(third);
    expect([tracks.withdrawn, sent()]).toEqual([2, [['1', 'a', 'sendrecv']]]);
    tracks.remove(first.track);
    negotiate();
    expect([tracks.withdrawn, sent()]).toEqual([1, [['2', 'b', 'sendrecv']]]);
    tracks.remove(third.track);
    expect(tracks.withdrawn).toBe(0);
  });

  test('is one with a section more than there is space for, if no section is free', () => {
    const { tracks, connection, limit, negotiate } = start();
    const fits = (bytes: number) => {
      limit(bytes);
      return tracks.fits('video');
    };
    expect([fits(10_000), fits(9000)]).toEqual([true, false]); // with audio, as is typical
    limit(60_000);
    tracks.add(first);
    negotiate();
    connection.localDescription = { sdp: `v=0\r\n${section}` };
    expect([fits(2200), fits(2000)]).toEqual([true, false]);
    limit(60_000);
    tracks.add(second); // not in the description yet
    expect([fits(3300), fits(3000)]).toEqual([true, false]);
    tracks.remove(second.track);
    expect(fits(0)).toBe(true);
  });
});

test('a track of the other end is over when its transceiver does not receive any more', () => {
  const { tracks, hear, connection, transceivers, ended } = start();
  connection.addTransceiver('video', { direction: 'recvonly' });
  const [transceiver] = transceivers as [Transceiver];
  hear({ track: transceiver.receiver.track, streams: [] });
  transceiver.currentDirection = 'recvonly';
  tracks.settle();
  expect([tracks.remote.length, ended]).toEqual([1, []]);
  transceiver.currentDirection = 'inactive';
  tracks.settle();
  expect([tracks.remote.length, ended]).toEqual([0, [transceiver.receiver.track]]);
});
