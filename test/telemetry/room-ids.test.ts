import { expect, test } from '@jest/globals';
import { roomNames } from '../../src/telemetry/room-ids.ts';
import { seat, TestClient } from '../support/client.ts';
import { startServer } from '../support/server.ts';
import { recordSpans } from '../support/spans.ts';
import { until } from '../support/wait.ts';

/** LOG_ROOM_IDS: how the id of a room, which lets its reader join, is in logs and spans. */

const exporter = recordSpans();

test.each(['plain', 'hashed'] as const)('%s, in a run of the server', async (LOG_ROOM_IDS) => {
  exporter.reset();
  const server = await startServer({ LOG_ROOM_IDS, ROOM_IDLE_TIMEOUT_MS: '20' });
  const { room_id, clients } = await seat(server.wsUrl, 2);
  const late = await TestClient.connect(server.wsUrl);
  late.send({ type: 'Hello' });
  await late.joinRoom(room_id);
  for (const client of [...clients, late]) client.close();
  await until('the room is over', () => server.logs.some(({ msg }) => msg === 'room ended'));
  await until('every leave has its span', () => names().filter((name) => name === 'disconnect').length === 3);
  const inLogs = server.logs.flatMap(({ room_id: id }) => id ?? []);
  const inSpans = exporter.getFinishedSpans().flatMap(({ attributes }) => attributes.room_id ?? []);
  expect(inLogs.length).toBeGreaterThanOrEqual(2);
  expect(inSpans.length).toBeGreaterThanOrEqual(6);
  // One room has one name everywhere.
  const [name, ...others] = new Set([...inLogs, ...inSpans]);
  expect(others).toEqual([]);
  const all = JSON.stringify([
    server.logs,
    exporter.getFinishedSpans().map(({ attributes, events }) => [attributes, events]),
  ]);
  if (LOG_ROOM_IDS === 'plain') return expect(name).toBe(room_id);
  expect(name).toMatch(/^[\w-]{22}$/);
  expect(all).not.toContain(room_id);
});

test('each process has a key of its own, and each room a hash', () => {
  const [one, other] = [roomNames('hashed'), roomNames('hashed')];
  const ids = Array.from({ length: 20_000 }, (_, i) => `room ${i}`);
  const hashes = ids.map(one);
  expect(new Set(hashes).size).toBe(ids.length);
  expect(ids.map(one)).toEqual(hashes); // however many there were since
  expect(other('room 0')).not.toBe(hashes[0]);
});

function names(): string[] {
  return exporter.getFinishedSpans().map(({ name }) => name);
}
