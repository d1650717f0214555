import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { closeFrame, frame, OPCODE, RawClient, textFrame } from '../support/raw.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { Session } from '../support/session.ts';
import { until } from '../support/wait.ts';

/**
 * A client that never says Hello sees the base protocol, byte for byte, whoever else is in the room: here a third
 * participant, of the base protocol, with a session, or with a session that comes and goes all the time.
 */

const NOWHERE = '11111111-1111-4111-8111-111111111111';
const LIMIT = 30;

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    RATE_LIMIT_MESSAGES: `${LIMIT}`,
    RATE_LIMIT_WINDOW_MS: '600000', // longer than any call takes, however slow the machine
    ICE_SERVERS: '[{"urls":"stun:a.example"}]',
  });
});
afterAll(() => server.stop());

/** A client whose every byte is kept, as the server sent it. */
class Recorder {
  readonly raw: RawClient;
  readonly #chunks: Buffer[] = [];

  static async connect(): Promise<Recorder> {
    return new Recorder(await RawClient.connect(server.wsUrl));
  }

  private constructor(raw: RawClient) {
    this.raw = raw;
    raw.socket.on('data', (data) => this.#chunks.push(data as Buffer));
  }

  say(...messages: (object | string)[]): void {
    this.raw.send(
      ...messages.map((message) =>
        typeof message === 'string' ? frame(OPCODE.text, message) : textFrame(message),
      ),
    );
  }

  /** Every frame heard but pings and pongs, with names in the place of ids, padded so that lengths are as they were. */
  frames(names: Record<string, string>): string[] {
    let bytes = Buffer.concat(this.#chunks).toString('latin1');
    for (const [name, id] of Object.entries(names)) bytes = bytes.replaceAll(id, name.padEnd(36, '~'));
    const frames: string[] = [];
    while (bytes.length > 0) {
      const end = lengthOf(bytes);
      const opcode = bytes.charCodeAt(0) & 0x0f;
      if (opcode !== OPCODE.ping && opcode !== OPCODE.pong) frames.push(bytes.slice(0, end));
      bytes = bytes.slice(end);
    }
    return frames;
  }
}

/** Of the first of a server's frames; none here has 64 KiB. */
function lengthOf(bytes: string): number {
  const short = bytes.charCodeAt(1);
  return short < 126 ? 2 + short : 4 + bytes.charCodeAt(2) * 256 + bytes.charCodeAt(3);
}

/** What a text frame says, with names as they are. */
function textOf(frame: string): string {
  expect(frame.charCodeAt(0)).toBe(0x80 | OPCODE.text);
  const payload = frame.slice(frame.charCodeAt(1) < 126 ? 2 : 4).replaceAll('~', '');
  return Buffer.from(payload, 'latin1').toString();
}

type Third = 'base' | 'session' | 'restless session';

/** Alice and Bob, of the base protocol, and Carol, who is what `third` says, go through a call. */
async function call(third: Third): Promise<{ alice: string[]; bob: string[] }> {
  const [alice, bob] = [await Recorder.connect(), await Recorder.connect()];
  let carolClient = third === 'base' ? await Recorder.connect() : (await Session.open(server.wsUrl)).client;
  const carol = {
    say: (message: object) =>
      carolClient instanceof Recorder ? carolClient.say(message) : carolClient.send(message),
    settled: () => (carolClient instanceof Recorder ? carolClient.raw.settled() : carolClient.settled()),
  };
  /** Everybody has heard all there is. */
  const quiet = async () => {
    for (let round = 0; round < 2; round++) {
      await alice.raw.settled();
      await bob.raw.settled();
      await carol.settled();
    }
  };

  alice.say({ type: 'CreateRoom' });
  const { room_id, self_id: aliceId } = await alice.raw.nextOf('RoomCreated');
  await quiet();
  carol.say({ type: 'JoinRoom', room_id });
  const { participant_id: carolId } = await alice.raw.nextOf('PeerConnected');
  await quiet();
  const session = carolClient instanceof Recorder ? undefined : carolClient;
  const heardOf = (type: string) => session?.heard.find((message) => message.type === type);
  let ready = heardOf('Ready') as { resume_token: string } | undefined;
  let lastSeq = 0;

  /** Carol loses her socket, and comes back; only one who is restless does. */
  let losses = 0;
  const stir = async (meanwhile: () => void = () => {}) => {
    if (third !== 'restless session' || carolClient instanceof Recorder) {
      meanwhile();
      return quiet();
    }
    const heard = carolClient.heard.at(-1) as { seq?: number };
    lastSeq = heard.seq ?? lastSeq;
    carolClient.socket.terminate();
    losses += 1;
    const isLost = ({ participant_id, msg }: Record<string, unknown>) =>
      participant_id === carolId && msg === 'session interrupted';
    await until('Carol is interrupted', () => server.logs.filter(isLost).length === losses);
    meanwhile();
    await alice.raw.settled();
    await bob.raw.settled();
    const again = await Session.open(server.wsUrl, {
      resume_token: ready?.resume_token as string,
      last_seq: lastSeq,
    });
    expect(again.ready).toMatchObject({ resumed: true, participant_id: carolId });
    carolClient = again.client;
    ready = again.ready;
    await quiet();
  };

  await stir();
  bob.say({ type: 'JoinRoom', room_id, create_if_missing: true }, { type: 'JoinRoom', room_id: NOWHERE });
  await quiet();
  bob.say({ type: 'JoinRoom', room_id: room_id.toUpperCase() });
  const { participant_id: bobId } = await bob.raw.nextOf('PeerConnected');
  await quiet();
  await stir(() => alice.say({ type: 'Offer', to: bobId, sdp: 'v=0 é' }));
  bob.say({ type: 'Answer', to: aliceId, sdp: 'v=0' }, { type: 'Offer', to: carolId, sdp: 'v=0' });
  await stir(() => bob.say({ type: 'IceCandidate', to: carolId, candidate: 'c', sdpMid: null }));
  bob.say({ type: 'IceCandidate', to: aliceId, candidate: 'c', sdpMid: '0', sdpMLineIndex: 0 });
  bob.say({ type: 'IceCandidate', to: aliceId, candidate: '', usernameFragment: null });
  await quiet();
  carol.say({ type: 'Offer', to: aliceId, sdp: 'from Carol' });
  await quiet();
  await stir(() => {
    bob.say('no JSON', { type: 'Hi' }, { type: 'CreateRoom' }, { type: 'Offer', to: NOWHERE, sdp: '' });
    bob.say({ type: 'Offer', to: 'x', sdp: '' }, { type: 'LeaveRoom' }, { type: 'LeaveRoom' });
  });
  bob.say({ type: 'JoinRoom', room_id });
  await quiet();
  carol.say({ type: 'LeaveRoom' });
  await quiet();
  for (let i = 0; i < LIMIT + 2; i++) alice.say({ type: 'Offer', to: bobId, sdp: `${i}` });
  await quiet();
  bob.raw.send(closeFrame(1000));
  await bob.raw.gone;
  await alice.raw.settled();
  alice.raw.send(closeFrame(4000, 'bye'));
  await alice.raw.gone;

  const names = { ROOM: room_id, ALICE: aliceId, BOB: bobId, CAROL: carolId };
  return { alice: alice.frames(names), bob: bob.frames(names) };
}

const participants = (...names: string[]) =>
  `{"type":"RoomParticipants","room_id":"ROOM","participants":[${names.map((name) => `"${name}"`).join(',')}]}`;
const error = (code: string, message: string) =>
  `{"type":"Error","code":"${code}","message":${JSON.stringify(message)}}`;

/** What the server said before there were sessions. */
const ALICE = [
  '{"type":"RoomCreated","room_id":"ROOM","self_id":"ALICE"}',
  participants('ALICE'),
  '{"type":"PeerConnected","participant_id":"CAROL"}',
  participants('ALICE', 'CAROL'),
  '{"type":"PeerConnected","participant_id":"BOB"}',
  participants('ALICE', 'CAROL', 'BOB'),
  '{"type":"Answer","from":"BOB","sdp":"v=0"}',
  '{"type":"IceCandidate","from":"BOB","candidate":"c","sdpMid":"0","sdpMLineIndex":0}',
  '{"type":"IceCandidate","from":"BOB","candidate":"","usernameFragment":null}',
  '{"type":"Offer","from":"CAROL","sdp":"from Carol"}',
  '{"type":"PeerDisconnected","participant_id":"BOB"}',
  participants('ALICE', 'CAROL'),
  '{"type":"PeerConnected","participant_id":"BOB"}',
  participants('ALICE', 'CAROL', 'BOB'),
  '{"type":"PeerDisconnected","participant_id":"CAROL"}',
  participants('ALICE', 'BOB'),
  ...Array(4).fill(
    error(
      'RateLimited',
      `Too many frames: this one was dropped. Pause for a second. Frames of this connection accepted so far: ${LIMIT}.`,
    ),
  ),
  '{"type":"PeerDisconnected","participant_id":"BOB"}',
  participants('ALICE'),
];
const BOB = [
  error(
    'InvalidPayload',
    'JoinRoom.create_if_missing: Invalid key: Expected never but received "create_if_missing"',
  ),
  error('RoomNotFound', `No room ${NOWHERE}: it never was, or it expired.`),
  '{"type":"PeerConnected","participant_id":"BOB"}',
  participants('ALICE', 'CAROL', 'BOB'),
  '{"type":"Offer","from":"ALICE","sdp":"v=0 é"}',
  error('InvalidPayload', 'The frame is not JSON.'),
  error(
    'InvalidPayload',
    'Unknown type "Hi"; expected one of CreateRoom, JoinRoom, LeaveRoom, Offer, Answer, IceCandidate.',
  ),
  error('InvalidPayload', 'You are in a room already: leave it first.'),
  error('ParticipantNotFound', `Offer: no participant ${NOWHERE} in this room.`),
  error('InvalidPayload', 'Offer.to: Invalid UUID: Received "x"'),
  error('InvalidPayload', 'You are outside a room: create or join one first.'),
  '{"type":"PeerConnected","participant_id":"BOB"}',
  participants('ALICE', 'CAROL', 'BOB'),
  '{"type":"PeerDisconnected","participant_id":"CAROL"}',
  participants('ALICE', 'BOB'),
  ...Array.from({ length: LIMIT - 2 }, (_, i) => `{"type":"Offer","from":"ALICE","sdp":"${i}"}`),
];

describe('the base protocol', () => {
  let base: Awaited<ReturnType<typeof call>>;
  beforeAll(async () => {
    base = await call('base');
  });

  test('is what it was', () => {
    expect(base.alice.slice(0, -1).map(textOf)).toEqual(ALICE);
    expect(base.bob.slice(0, -1).map(textOf)).toEqual(BOB);
    expect(base.alice.at(-1)).toBe('\x88\x05\x0f\xa0bye'); // the close frames come back as they were
    expect(base.bob.at(-1)).toBe('\x88\x02\x03\xe8');
  });

  test.each(['session', 'restless session'] as const)(
    'is the same, byte for byte, with a %s in the room',
    async (third) => expect(await call(third)).toEqual(base),
  );
});
