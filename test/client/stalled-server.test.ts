import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { Signaling } from '../../src/client/index.ts';
import { Session } from '../../src/client/session.ts';
import { startChild } from '../support/child.ts';
import { until } from './support/participant.ts';

/** A process that was stopped (SIGSTOP, a full machine, a suspended virtual machine) wakes up to everything that came meanwhile. */

/** Longer than a client takes to find out, and to give up the socket that it opens next. */
const STALL_MS = 18_000;

test('after a long stall of the server each client is the same participant, and nobody has left', async () => {
  const server = await startChild({ HEARTBEAT_INTERVAL_MS: '1000', RESUME_GRACE_MS: '5000' });
  const clients = [0, 1].map(() => new Signaling(server.wsUrl, { reconnect: { baseMs: 100, capMs: 500 } }));
  const [alice, bob] = clients as [Signaling, Signaling];
  const heard: unknown[] = [];
  const resumed = new Set<Signaling>();
  for (const client of clients) {
    client.on('resumed', ({ lost }) => resumed.add(client) && lost && heard.push('lost'));
    client.on('restarted', () => heard.push('restarted'));
    client.on('peerDisconnected', () => heard.push('peerDisconnected'));
    client.on('error', (error) => heard.push(error));
    client.on('offer', ({ from, sdp }) => heard.push([from, sdp]));
  }
  try {
    const { roomId } = await alice.createRoom();
    await bob.joinRoom(roomId);
    const [aliceId, bobId] = clients.map(({ selfId }) => selfId as string) as [string, string];
    server.process.kill('SIGSTOP');
    await pause(STALL_MS);
    server.process.kill('SIGCONT');
    await until('both have resumed', () => resumed.size === 2 && bob.state.status === 'connected');
    expect(clients.map(({ selfId }) => selfId)).toEqual([aliceId, bobId]);
    await alice.offer(bobId, 'v=0 a');
    await bob.offer(aliceId, 'v=0 b');
    await until('both are heard', () => heard.length >= 2);
    expect(heard.toSorted()).toEqual(
      [
        [aliceId, 'v=0 a'],
        [bobId, 'v=0 b'],
      ].toSorted(),
    );
    for (const { room } of clients) expect(room?.participants).toEqual([aliceId, bobId]);
  } finally {
    for (const client of clients) client.close();
    await server.stop('SIGKILL');
  }
}, 90_000);

/** A socket that a test speaks for. */
class Wire {
  onopen = () => {};
  onmessage = (_: { data: string }) => {};
  onclose = (_: { code: number; reason: string }) => {};
  readonly sent: { type: string; resume_token?: string }[] = [];
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {}
}

function session() {
  const wires: Wire[] = [];
  const losses: unknown[] = [];
  const made = new Session(
    () => {
      const wire = new Wire();
      wires.push(wire);
      return wire as unknown as WebSocket;
    },
    {
      opened() {},
      ready() {},
      message() {},
      lost: ({ code, afterMs }) => void losses.push([code, afterMs]),
      failed() {},
    },
  );
  /** Opens a socket, which says Hello. */
  const open = (): Wire => {
    made.open();
    const wire = wires.at(-1) as Wire;
    wire.onopen();
    return wire;
  };
  const welcome = (wire: Wire, resume_token: string) =>
    wire.onmessage({
      data: JSON.stringify({
        type: 'Ready',
        version: 1,
        features: [],
        participant_id: '6a3c0b0e-5f5b-4a5e-9f3e-0c8f4a1d2e3f',
        resume_token,
        resumed: wires.length > 1,
        received: 0,
        heartbeat_ms: 15_000,
        resume_grace_ms: 15_000,
        limits: { messages: 20, window_ms: 1000, max_payload_bytes: 65_536, room_capacity: 8 },
        ice_servers: [],
      }),
    });
  return { made, open, welcome, losses };
}

test.each([
  ['was given up', (made: Session) => made.dropNext()],
  ['broke', (_: Session, wire: Wire) => wire.onclose({ code: 1006, reason: '' })],
])('a Hello on a socket that %s may take the session late: the client takes it back, once', (_, end) => {
  const { made, open, welcome, losses } = session();
  welcome(open(), 'first');
  made.drop();
  const late = open();
  end(made, late);
  losses.length = 0;
  const socket = open();
  expect(socket.sent).toMatchObject([{ type: 'Hello', resume_token: 'first' }]);
  welcome(socket, 'second');
  socket.onclose({ code: 4409, reason: '' }); // the server has read the late Hello
  expect(losses).toEqual([[4409, 0]]);
  const again = open();
  welcome(again, 'third');
  again.onclose({ code: 4409, reason: '' });
  expect(losses).toEqual([
    [4409, 0],
    [4409, false],
  ]);
});
