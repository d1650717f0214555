import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { seat } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { closeAll, meet, type Recorded, start } from './clients.ts';

/** Create, join and leave, one after another, against the real server. */

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterEach(closeAll);

describe('calls at once', () => {
  test('are done one after another, in order', async () => {
    const client = start(server.wsUrl);
    const { room_id } = await seat(server.wsUrl, 1);
    const [created, left, joined] = await Promise.all([
      client.createRoom(),
      client.leave(),
      client.joinRoom(room_id),
    ]);
    expect([created.participants, left, joined.roomId]).toEqual([[client.id], undefined, room_id]);
  });

  test('each is judged by where the last one led', async () => {
    const client = start(server.wsUrl);
    const [one, two, three] = await Promise.allSettled([
      client.createRoom(),
      client.createRoom(),
      client.leave(),
    ]);
    expect([one.status, two.status, three.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(client.room).toBeUndefined();
  });

  test('joining the room one is in is no error, in any case; joining another is one', async () => {
    const client = start(server.wsUrl);
    const created = await client.createRoom();
    expect(await client.joinRoom(created.roomId.toUpperCase(), { createIfMissing: true })).toEqual(created);
    const { room_id } = await seat(server.wsUrl, 1);
    await expect(client.joinRoom(room_id)).rejects.toMatchObject({ code: 'InvalidPayload' });
    expect(client.room).toEqual(created);
  });

  test('the same room can be left and joined again, and again', async () => {
    const [alice, bob] = (await meet(server.wsUrl, 2)) as [Recorded, Recorded];
    const roomId = alice.room?.roomId as string;
    for (let i = 0; i < 3; i += 1) {
      const [, joined] = await Promise.all([bob.leave(), bob.joinRoom(roomId)]);
      expect(joined.participants).toEqual([alice.id, bob.id]);
    }
    expect(alice.room?.participants).toEqual([alice.id, bob.id]);
  });
});
