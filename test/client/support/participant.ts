import { RTCPeerConnection } from 'werift';
import { Mesh, type MeshOptions, Signaling } from '../../../src/client/index.ts';
import { LOOPBACK } from '../../support/peer.ts';
import { until as untilWithin } from '../../support/wait.ts';

/** Participants of a call in Node, with werift for WebRTC. */

export const OPTIONS: MeshOptions = {
  RTCPeerConnection,
  configuration: LOOPBACK,
  channels: { chat: {} },
  timing: { checkMs: 10_000 }, // on a busy machine werift can try candidates for ever
};

/** werift does its cryptography in JavaScript, on whatever the machine has left. */
export const until = (what: string, isTrue: () => boolean | Promise<boolean>) =>
  untilWithin(what, isTrue, 60_000);

const started: Participant[] = [];

/** For afterEach. */
export function closeParticipants(): void {
  for (const participant of started.splice(0).reverse()) participant.close();
}

export class Participant {
  readonly signaling: Signaling;
  readonly mesh: Mesh;
  readonly heard: string[] = [];
  readonly opened: string[] = [];
  readonly problems: unknown[] = [];
  readonly renamed: string[] = [];
  readonly closed: string[] = [];

  constructor(url: URL, options = OPTIONS) {
    this.signaling = new Signaling(url, { reconnect: { baseMs: 100, capMs: 500 } });
    this.mesh = new Mesh(this.signaling, options);
    this.mesh.on('message', ({ peer, data }) => this.heard.push(`${peer.id} ${data}`));
    this.mesh.on('channelOpen', ({ peer, label }) => this.opened.push(`${peer.id} ${label}`));
    this.mesh.on('error', ({ error }) => this.problems.push(error));
    this.mesh.on('renamed', ({ peer, previousId }) => this.renamed.push(`${previousId} ${peer.id}`));
    this.mesh.on('peerClosed', ({ id }) => this.closed.push(id));
    this.signaling.on('error', (error) => this.problems.push(error));
    started.push(this);
  }

  get id(): string {
    return this.signaling.selfId as string;
  }

  close(): void {
    this.mesh.close();
    this.signaling.close();
  }
}

/** So many in one room, connected. */
export async function meet(url: URL, size: number, options = OPTIONS): Promise<Participant[]> {
  const all = Array.from({ length: size }, () => new Participant(url, options));
  const [first, ...others] = all as [Participant, ...Participant[]];
  const { roomId } = await first.signaling.createRoom();
  for (const other of others) await other.signaling.joinRoom(roomId);
  await connected(all);
  return all;
}

/** Waits until exactly these are connected with one another. */
export async function connected(all: readonly Participant[]): Promise<void> {
  const areConnected = () =>
    all.every(({ id, mesh }) => {
      const others = all.filter((other) => other.id !== id);
      return (
        mesh.peers.size === others.length &&
        others.every((other) => mesh.peers.get(other.id)?.state === 'connected')
      );
    });
  await until('all are connected', areConnected).catch((error) => {
    throw new Error(`${error.message}\n${all.map(standing).join('\n')}`);
  });
}

/** For whoever has to find out why they are not. */
function standing({ id, mesh, signaling, problems }: Participant): string {
  const peers = [...mesh.peers.values()].map(({ id, actor, connection }) => {
    const { value, context } = actor.getSnapshot();
    return `${id} ${JSON.stringify([value, context.polite, context.offer, connection.iceConnectionState])}`;
  });
  return [`${id} ${JSON.stringify(signaling.state)} ${problems}`, ...peers].join('\n  ');
}

/** Each says something to each, and hears it from the one that said it. */
export async function talk(all: readonly Participant[], text: string): Promise<void> {
  for (const { mesh } of all)
    await until('channels are open', () => mesh.send('chat', text) === all.length - 1);
  for (const { id, heard } of all) {
    const others = all.filter((other) => other.id !== id);
    await until('everybody is heard', () => others.every((other) => heard.includes(`${other.id} ${text}`)));
  }
}
