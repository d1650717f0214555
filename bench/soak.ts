/**
 * A churn soak: clients come, meet, exchange offers and go, for a long time, in every way a client can go; does the
 * server's memory return to where it began? Spans are exported meanwhile. Every --sample seconds the server collects
 * garbage and is measured. Before the first minute's end and after the last it is left until it is empty; those two
 * measurements are compared.
 *
 *     npm run bench -- soak [--minutes 10] [--rooms-per-second 20] [--sample 10] [--save]
 *
 * A visit: a room of two to eight members, half of which say Hello, and an offer from each to the next. Then a third of
 * them leave politely, a third close, and a third vanish without a word (their session is given up after a second).
 */
import { randomInt } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { enter } from './support/contestants.ts';
import { clientFrame, OPCODE } from './support/frame.ts';
import type { Probe } from './support/probe.ts';
import { RawSocket } from './support/raw-socket.ts';
import { Report } from './support/report.ts';
import { offerSdp } from './support/sdp.ts';

type Options = ReturnType<typeof readOptions>;

const QUICK = { ROOM_IDLE_TIMEOUT_MS: '2000', RESUME_GRACE_MS: '1000', RATE_LIMIT_MESSAGES: '' };
/** Longer than a room or a session outlives its last member, and than spans wait to be exported. */
const EMPTY_MS = 8000;
const WARM_UP_S = 60;
const SDP = offerSdp(0);

const counts = { rooms: 0, connections: 0, offers: 0, failed: 0 };

async function join(
  url: URL,
  roomId: string | undefined,
): Promise<{ socket: RawSocket; id: string; roomId: string }> {
  const socket = await RawSocket.connect(new URL('/ws', url));
  counts.connections += 1;
  if (counts.connections % 2 === 0) socket.send('{"type":"Hello"}');
  if (roomId === undefined) {
    socket.send('{"type":"CreateRoom"}');
    const { room_id, self_id } = JSON.parse((await socket.nextWith('"RoomCreated"')).toString());
    return { socket, id: self_id, roomId: room_id };
  }
  socket.send(JSON.stringify({ type: 'JoinRoom', room_id: roomId }));
  const { participant_id } = JSON.parse((await socket.nextWith('"PeerConnected"')).toString());
  return { socket, id: participant_id, roomId };
}

async function visit(url: URL): Promise<void> {
  const size = randomInt(2, 9);
  const members = [await join(url, undefined)];
  while (members.length < size) members.push(await join(url, members[0]?.roomId));
  counts.rooms += 1;
  for (const [i, { socket }] of members.entries()) {
    const to = members[(i + 1) % size];
    socket.send(JSON.stringify({ type: 'Offer', to: to?.id, sdp: SDP }));
    await to?.socket.nextWith('"Offer"');
    counts.offers += 1;
  }
  for (const [i, { socket }] of members.entries()) {
    if (i % 3 === 0) socket.send('{"type":"LeaveRoom"}');
    if (i % 3 !== 2) socket.write(clientFrame(Buffer.from([0x03, 0xe8]), OPCODE.close));
    if (i % 3 !== 2) await setTimeout(5);
    socket.close();
  }
}

/** Visits, so many a second, until the time is over and the last visitor has gone. */
async function churn(url: URL, perSecond: number, seconds: number): Promise<void> {
  const startedAt = performance.now();
  const visits = new Set<Promise<void>>();
  for (let n = 0; performance.now() - startedAt < 1000 * seconds; ) {
    for (; n < ((performance.now() - startedAt) * perSecond) / 1000; n += 1) {
      const one: Promise<void> = visit(url)
        .catch((error) => {
          counts.failed += 1;
          process.stderr.write(`a visit failed: ${error.message}\n`);
        })
        .finally(() => visits.delete(one));
      visits.add(one);
    }
    await setTimeout(10);
  }
  await Promise.all(visits);
}

const mebibytes = (bytes: number) => bytes / 2 ** 20;
const inUse = ({ heapUsed, external }: Probe) => mebibytes(heapUsed + external);

async function soak({ minutes, perSecond, sampleSeconds, save }: Options): Promise<void> {
  const report = new Report('soak');
  const contestant = await enter('bloom', { env: QUICK });
  const { server } = contestant;
  const rest = async (): Promise<Probe> => {
    await setTimeout(EMPTY_MS);
    return server.probe();
  };
  await churn(server.url, perSecond, WARM_UP_S);
  const first = await rest();
  const startedAt = performance.now();
  const samples: { minute: number; probe: Probe }[] = [];
  let isOver = false;
  const sampling = (async () => {
    while (!isOver) {
      samples.push({ minute: (performance.now() - startedAt) / 60_000, probe: await server.probe() });
      await setTimeout(1000 * sampleSeconds);
    }
  })();
  await churn(server.url, perSecond, 60 * minutes);
  isOver = true;
  const last = await rest();
  await sampling;
  const row = (name: string, probe: Probe) => [
    name,
    inUse(probe).toFixed(2),
    mebibytes(probe.resident).toFixed(1),
  ];
  const busiest = samples.reduce((most, { probe }) => (inUse(probe) > inUse(most) ? probe : most), first);
  report.table(
    `${minutes} minutes of churn, ${perSecond} rooms a second: ${counts.rooms} rooms, ${counts.connections} connections, ${counts.offers} offers, ${counts.failed} visits failed`,
    ['when', 'heap MiB', 'resident MiB'],
    [row('empty, after a minute', first), row('busiest sample', busiest), row('empty, at the end', last)],
  );
  report.plot({
    kind: 'lines',
    name: 'soak',
    title: 'Memory while clients come and go',
    x: { label: 'minutes' },
    y: { label: 'MiB after a full collection' },
    series: [
      { label: 'heap and buffers', points: samples.map(({ minute, probe }) => [minute, inUse(probe)]) },
      { label: 'resident', points: samples.map(({ minute, probe }) => [minute, mebibytes(probe.resident)]) },
    ],
  });
  await contestant.stop();
  if (counts.failed > 0) process.exitCode = 1;
  if (save) report.save();
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      'rooms-per-second': { type: 'string', default: '20' },
      sample: { type: 'string', default: '10' },
      save: { type: 'boolean', default: false },
    },
  });
  return {
    minutes: Math.min(24 * 60, Number(values.minutes)),
    perSecond: Number(values['rooms-per-second']),
    sampleSeconds: Math.max(1, Number(values.sample)),
    save: values.save,
  };
}

await soak(readOptions());
process.exit();
