import { afterEach, expect, test } from '@jest/globals';
import { MediaStream, MediaStreamTrack, RTCPeerConnection, RtpHeader, RtpPacket } from 'werift';
import { Mesh, Signaling } from '../../src/client/index.ts';
import { type ChildServer, startChild } from '../support/child.ts';
import { LOOPBACK } from '../support/peer.ts';
import {
  closeParticipants,
  connected,
  meet,
  OPTIONS,
  Participant,
  talk,
  until,
} from './support/participant.ts';

/** Mesh in Node, with werift for WebRTC. */

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  closeParticipants();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startServer(env: Record<string, string> = {}): Promise<ChildServer> {
  const server = await startChild(env);
  cleanups.push(() => server.stop('SIGKILL'));
  return server;
}

test('four are all connected to all, and hear one another', async () => {
  const all = await meet((await startServer()).wsUrl, 4);
  await talk(all, 'hello');
  expect(all.flatMap(({ problems }) => problems)).toEqual([]);
  for (const { mesh } of all) {
    for (const peer of mesh.peers.values()) {
      expect(await peer.summary()).toMatchObject({
        route: { local: 'host', remote: expect.any(String), protocol: 'udp' },
        bytesSent: expect.any(Number),
      });
    }
  }
}, 180_000);

/** Whatever is sent on a channel that the other end opened is lost: in Chromium some of it is, at the beginning. */
class OneWayConnection extends RTCPeerConnection {
  constructor(configuration: never) {
    super(configuration);
    this.onDataChannel.subscribe((channel) => {
      channel.send = () => {};
    });
  }
}

test('everybody sends on channels they have opened themselves, whatever their ids were to be', async () => {
  const { wsUrl } = await startServer();
  const options = { ...OPTIONS, RTCPeerConnection: OneWayConnection, channels: { chat: { id: 5 } } };
  const [alice, bob] = (await meet(wsUrl, 2, options)) as [Participant, Participant];
  await talk([alice, bob], 'hello');
  expect([alice.opened, bob.opened]).toEqual([[`${bob.id} chat`], [`${alice.id} chat`]]);
}, 180_000);

/** A class of connections whose first one hears of no candidates, as if all were lost on the way. */
function firstDeaf() {
  let made = 0;
  return class extends RTCPeerConnection {
    readonly #isDeaf = made++ === 0;

    override async addIceCandidate(...candidate: Parameters<RTCPeerConnection['addIceCandidate']>) {
      if (!this.#isDeaf) await super.addIceCandidate(...candidate);
    }

    override setRemoteDescription(description: Parameters<RTCPeerConnection['setRemoteDescription']>[0]) {
      if (!this.#isDeaf) return super.setRemoteDescription(description);
      const sdp = description.sdp?.replace(/^a=(candidate:|end-of-candidates).*\r\n/gm, '');
      return super.setRemoteDescription({ ...description, sdp } as typeof description);
    }
  };
}

test('a pair that finds no path, nor fails to, starts over with another connection', async () => {
  const { wsUrl } = await startServer();
  const [alice, bob] = [1, 2].map(
    () => new Participant(wsUrl, { ...OPTIONS, RTCPeerConnection: firstDeaf(), timing: { checkMs: 3000 } }),
  ) as [Participant, Participant];
  const { roomId } = await alice.signaling.createRoom();
  await bob.signaling.joinRoom(roomId);
  await connected([alice, bob]);
  await talk([alice, bob], 'at last');
  expect([alice.closed, bob.closed]).toEqual([
    expect.arrayContaining([bob.id]),
    expect.arrayContaining([alice.id]),
  ]);
}, 180_000);

test('without an RTCPeerConnection there is no Mesh, instead of an exception when somebody comes', () => {
  const signaling = new Signaling('ws://localhost/ws');
  expect(() => new Mesh(signaling)).toThrow(/RTCPeerConnection is missing here/);
});

test('a Mesh that is closed when it meets the first meets nobody else', async () => {
  let connections = 0;
  class Counted extends RTCPeerConnection {
    constructor(configuration: never) {
      super(configuration);
      connections += 1;
    }
  }
  const { wsUrl } = await startServer();
  const [alice, bob] = (await meet(wsUrl, 2)) as [Participant, Participant];
  const carol = new Participant(wsUrl, { ...OPTIONS, RTCPeerConnection: Counted });
  carol.mesh.on('peer', () => carol.mesh.close());
  await carol.signaling.joinRoom(alice.signaling.room?.roomId as string);
  expect([carol.signaling.room?.participants, carol.mesh.peers.size, connections]).toEqual([
    [alice.id, bob.id, carol.id],
    0,
    1,
  ]);
}, 180_000);

test('options that are there and undefined are as if they were not', async () => {
  const configurations: RTCConfiguration[] = [];
  class Noted extends RTCPeerConnection {
    constructor(configuration: RTCConfiguration) {
      super(configuration as never);
      configurations.push(configuration);
    }
  }
  const iceServers = [{ urls: 'stun:127.0.0.1:3478' }];
  const { wsUrl } = await startServer({ ICE_SERVERS: JSON.stringify(iceServers) });
  const configuration = { ...LOOPBACK, iceServers: undefined, bundlePolicy: undefined } as never;
  const [alice, bob] = [0, 1].map(
    () => new Participant(wsUrl, { RTCPeerConnection: Noted, configuration }),
  ) as [Participant, Participant];
  const { roomId } = await alice.signaling.createRoom();
  await bob.signaling.joinRoom(roomId);
  await until('they meet', () => configurations.length === 2);
  for (const each of configurations) expect(each).toMatchObject({ iceServers, bundlePolicy: 'max-bundle' });
});

test('a description too large for the server is told of, not tried in silence', async () => {
  const { wsUrl } = await startServer({ MAX_PAYLOAD_BYTES: '512' });
  const [alice, bob] = [0, 1].map(() => new Participant(wsUrl)) as [Participant, Participant];
  const { roomId } = await alice.signaling.createRoom();
  await bob.signaling.joinRoom(roomId);
  const { problems } = [alice, bob].sort((a, b) => (a.id < b.id ? -1 : 1))[0] as Participant; // offers first
  await until('the problem is known', () => problems.length > 0);
  expect(String(problems[0])).toMatch(/larger than the 480/); // some of the frame is for other things than SDP
}, 180_000);

/** Offers are sent again soon, so that an answer that does not come is noticed soon. */
const IMPATIENT = { ...OPTIONS, timing: { ...OPTIONS.timing, firstOfferMs: 100, answerMs: 100 } };

/** Notes every reason that a participant tells, with the state. */
function reasonsOf({ mesh }: Participant): string[] {
  const told: string[] = [];
  mesh.on('peerState', ({ state, reason }) => reason && told.push(`${state} ${reason.code}`));
  return told;
}

test('an end that does not answer is told as NoAnswer, until it answers', async () => {
  const { wsUrl } = await startServer();
  const alice = new Participant(wsUrl, IMPATIENT);
  const told = reasonsOf(alice);
  const { roomId } = await alice.signaling.createRoom();
  const bob = new Signaling(wsUrl);
  const connection = new RTCPeerConnection(LOOPBACK as never);
  cleanups.push(
    () => connection.close(),
    () => bob.close(),
  );
  let mayAnswer = false;
  bob.on('offer', async ({ from, sdp }) => {
    if (!mayAnswer || connection.signalingState !== 'stable') return;
    mayAnswer = false;
    await connection.setRemoteDescription({ type: 'offer', sdp });
    await connection.setLocalDescription(await connection.createAnswer());
    await bob.answer(from, connection.localDescription?.sdp as string);
  });
  await bob.joinRoom(roomId);
  const peer = () => alice.mesh.peers.get(bob.selfId as string);
  await until('it is told', () => peer()?.reason !== undefined);
  expect(peer()?.reason).toEqual({ code: 'NoAnswer', message: 'The other end does not answer an offer.' });
  expect(told).toEqual(['connecting NoAnswer']);
  mayAnswer = true;
  await until('it is over', () => peer()?.reason === undefined && peer()?.state === 'connected');
}, 180_000);

test('an answer too large for the server is told at both ends, and the pair starts over', async () => {
  const { wsUrl } = await startServer();
  let padding = 0;
  /** Its answers become as large as the test says: a platform may write more into an answer than the offer had. */
  class Verbose extends RTCPeerConnection {
    override get localDescription(): RTCPeerConnection['localDescription'] {
      const description = super.localDescription;
      if (description?.type !== 'answer') return description;
      const { type, sdp } = description;
      return { type, sdp: `${sdp}${'a=x-padding:0123456789\r\n'.repeat(padding)}` } as typeof description;
    }
  }
  const options = { ...IMPATIENT, RTCPeerConnection: Verbose };
  const [alice, bob] = (await meet(wsUrl, 2, options)) as [Participant, Participant];
  const [toldByAlice, toldByBob] = [reasonsOf(alice), reasonsOf(bob)];
  padding = 3000;
  alice.mesh.addTrack(new MediaStreamTrack({ kind: 'audio' }) as never);
  await until('both know', () => toldByAlice.length > 0 && toldByBob.length > 0);
  expect([toldByAlice[0], toldByBob[0]]).toEqual(['connected NoAnswer', 'connected TooLarge']);
  padding = 0;
  await until('they have started over', () => [alice, bob].every(({ closed }) => closed.length > 0));
  await connected([alice, bob]);
  await until('the track arrives', () => bob.mesh.peers.get(alice.id)?.tracks.length === 1);
  for (const { mesh } of [alice, bob])
    expect([...mesh.peers.values()].map(({ reason }) => reason)).toEqual([undefined]);
}, 180_000);

test('a track cannot be replaced by one of another kind, and stays', async () => {
  const { mesh } = new Participant(new URL('ws://127.0.0.1/ws'));
  const [audio, video] = (['audio', 'video'] as const).map((kind) => new MediaStreamTrack({ kind }));
  mesh.addTrack(audio as never);
  await expect(mesh.replaceTrack(audio as never, video as never)).rejects.toThrow(
    'video cannot replace audio.',
  );
});

test('a track added to a call arrives, and is gone when it is removed', async () => {
  const all = await meet((await startServer()).wsUrl, 2);
  const [alice, bob] = all as [Participant, Participant];
  const track = new MediaStreamTrack({ kind: 'audio' });
  const arrived = new Promise((resolve) => bob.mesh.on('track', resolve));
  const ended = new Promise((resolve) => bob.mesh.on('trackEnded', resolve));
  alice.mesh.addTrack(track as never);
  const sending = setInterval(() => {
    const header = new RtpHeader({ payloadType: 96, sequenceNumber: Math.floor(Math.random() * 60_000) });
    track.writeRtp(new RtpPacket(header, Buffer.from('sound')));
  }, 20);
  cleanups.push(() => clearInterval(sending));
  await arrived;
  const peer = bob.mesh.peers.get(alice.id);
  expect(peer?.tracks.map((each) => each.track.kind)).toEqual(['audio']);
  await until('packets arrive', async () => ((await peer?.summary())?.inbound[0]?.packets ?? 0) > 0);
  alice.mesh.removeTrack(track as never);
  await ended;
  expect(peer?.tracks).toEqual([]);
  expect(all.flatMap(({ problems }) => problems)).toEqual([]);
}, 180_000);

test('a camera that goes off and on again and again makes no description larger', async () => {
  const all = await meet((await startServer()).wsUrl, 2);
  const [alice, bob] = all as [Participant, Participant];
  const sections = () =>
    all.map(({ mesh }) => {
      const [peer] = mesh.peers.values();
      return peer?.connection.localDescription?.sdp.match(/^m=.*/gm)?.map((line) => line.split(' ')[0]);
    });
  const received = () => bob.mesh.peers.get(alice.id)?.tracks.flatMap(({ streams }) => streams).length;
  for (let i = 0; i < 5; i += 1) {
    const track = new MediaStreamTrack({ kind: 'video' });
    const stream = new MediaStream({ id: `camera-${i}`, tracks: [] } as never);
    alice.mesh.addTrack(track as never, stream as never);
    await until('the track arrives', () => received() === 1);
    alice.mesh.removeTrack(track as never);
    await until('the track is gone', () => received() === 0);
  }
  for (const each of sections()) expect(each?.sort()).toEqual(['m=application', 'm=audio', 'm=video']);
  expect(all.flatMap(({ problems }) => problems)).toEqual([]);
}, 180_000);

test('with data channels alone there are no sections for media, and no track is taken', async () => {
  const all = await meet((await startServer()).wsUrl, 2, { ...OPTIONS, dataOnly: true });
  await talk(all, 'hello');
  for (const { mesh } of all) {
    const [peer] = mesh.peers.values();
    expect(peer?.connection.localDescription?.sdp.match(/^m=\w+/gm)).toEqual(['m=application']);
    const track = new MediaStreamTrack({ kind: 'audio' }) as never;
    expect(() => mesh.addTrack(track)).toThrow('dataOnly');
  }
}, 180_000);

/** A class of connections whose first one refuses every answer, as Chromium does after some faults. */
function firstRefusing() {
  let made = 0;
  return class extends RTCPeerConnection {
    readonly #refuses = made++ === 0;

    override setRemoteDescription(description: Parameters<RTCPeerConnection['setRemoteDescription']>[0]) {
      if (this.#refuses && description.type === 'answer') throw new Error('session error');
      return super.setRemoteDescription(description);
    }
  };
}

test('a pair whose descriptions are refused again and again tells it, and starts over', async () => {
  const { wsUrl } = await startServer();
  const [alice, bob] = [1, 2].map(
    () =>
      new Participant(wsUrl, {
        ...OPTIONS,
        RTCPeerConnection: firstRefusing(),
        timing: { ...OPTIONS.timing, retryMs: 20 },
      }),
  ) as [Participant, Participant];
  const reasons: (string | undefined)[] = [];
  for (const { mesh } of [alice, bob]) mesh.on('peerState', ({ reason }) => reasons.push(reason?.code));
  const { roomId } = await alice.signaling.createRoom();
  await bob.signaling.joinRoom(roomId);
  await connected([alice, bob]);
  await talk([alice, bob], 'at last');
  expect(reasons).toContain('NegotiationFailed');
  expect(alice.closed.length + bob.closed.length).toBeGreaterThan(0);
}, 180_000);

test('offers that cross agree all the same', async () => {
  const all = await meet((await startServer()).wsUrl, 2);
  const decisions = all.map(({ mesh }) => {
    const made: string[] = [];
    for (const { actor } of mesh.peers.values()) actor.on('*', ({ type }) => made.push(type));
    return made;
  });
  const arrived = all.map(({ mesh }) => new Promise((resolve) => mesh.on('track', resolve)));
  for (const { mesh } of all) mesh.addTrack(new MediaStreamTrack({ kind: 'audio' }) as never); // at once
  await Promise.all(arrived);
  await connected(all);
  expect(decisions.flat()).toContain('ignoreOffer');
  await talk(all, 'agreed');
  expect(all.flatMap(({ problems }) => problems)).toEqual([]);
}, 180_000);

test.each([
  ['killed', 'SIGKILL'],
  ['drained', 'SIGTERM'],
] as const)(
  'the server is %s and comes back: the connections go on, and all meet again',
  async (_, signal) => {
    const server = await startServer({ DRAIN_TIMEOUT_MS: '1000' });
    const all = await meet(server.wsUrl, 4);
    await talk(all, 'before');
    const before = all.map(({ id }) => id);
    await server.stop(signal);
    for (const { mesh } of all) expect(mesh.send('chat', 'in the gap')).toBe(3);
    await startServer({ PORT: server.wsUrl.port });
    await until('all are back', () =>
      all.every(
        ({ signaling }) =>
          signaling.room?.participants.length === 4 && !before.includes(signaling.selfId as string),
      ),
    );
    await connected(all);
    await talk(all, 'after');
    for (const { renamed, closed, problems } of all) {
      expect(renamed).toHaveLength(3);
      expect(closed).toEqual([]);
      expect(problems).toEqual([]);
    }
  },
  180_000,
);

test('after a restart nobody can take another’s place by claiming its id', async () => {
  const server = await startServer();
  const [alice, bob] = (await meet(server.wsUrl, 2)) as [Participant, Participant];
  // Whatever Mallory’s Mesh tells other Meshes, it is that it has Bob’s id.
  class LyingConnection extends RTCPeerConnection {
    override createDataChannel(label: string, init?: object) {
      const channel = super.createDataChannel(label, init);
      const { send } = channel;
      if (label === 'bloom') {
        channel.send = () => send.call(channel, JSON.stringify({ type: 'identity', id: bob.id }));
      }
      return channel;
    }
  }
  const mallory = new Participant(server.wsUrl, { ...OPTIONS, RTCPeerConnection: LyingConnection });
  const { roomId = '' } = alice.signaling.room ?? {};
  await mallory.signaling.joinRoom(roomId);
  await connected([alice, bob, mallory]);
  const [bobs, mallorys] = [bob, mallory].map(({ id }) => alice.mesh.peers.get(id));
  const before = [alice, bob, mallory].map(({ id }) => id);

  await server.stop('SIGKILL');
  await startServer({ PORT: server.wsUrl.port });
  await until('all are back', () =>
    [alice, bob, mallory].every(
      ({ signaling }) =>
        signaling.room?.participants.length === 3 && !before.includes(signaling.selfId as string),
    ),
  );
  await until('Alice knows Bob again', () => alice.mesh.peers.get(bob.id)?.state === 'connected');
  expect(alice.mesh.peers.get(bob.id)).toBe(bobs);
  expect(mallorys?.id).toBe(before[2]);
  expect(alice.renamed).toEqual([`${before[1]} ${bob.id}`]);
  // For whoever cannot prove what it claims there is another connection.
  await until(
    'Alice knows Mallory as who it is',
    () => alice.mesh.peers.get(mallory.id)?.state === 'connected',
  );
  expect(alice.mesh.peers.get(mallory.id)).not.toBe(mallorys);
}, 180_000);
