import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { SignalingError } from '../../src/client/errors.ts';
import { Pacer } from '../../src/client/pacer.ts';
import { Seat, type SeatCall } from '../../src/client/seat.ts';
import { seat } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { closeAll, meet, type Recorded, start } from './clients.ts';

/** Create, join and leave, one after another, against the real server. */

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterEach(closeAll);

describe('calls and their frames', () => {
  const LEAVE: SeatCall = { type: 'leave' };
  const ENTER: SeatCall = { type: 'enter', request: {} };
  const ROOM = { roomId: 'room', participants: ['self'] };
  const CREATE = expect.stringMatching(/^\{"type":"CreateRoom","request_id":"[\w-]+"\}$/);

  /** A seat that speaks to no server: `sent` are its frames. */
  function startSeat({ isOpen = true } = {}) {
    const sent: string[] = [];
    const pacer = new Pacer({ send: (text) => void sent.push(text) }, () => true);
    const host = { roomChanged: () => {}, failed: () => {} };
    const alone = new Seat(pacer, host, undefined);
    const open = () => {
      pacer.open({ messages: 100, window_ms: 1000 });
      alone.advance();
    };
    if (isOpen) open();
    const call = (event: SeatCall, options = {}) => {
      const answer = alone.call(event, options);
      alone.advance();
      return answer;
    };
    const admit = () => {
      const { request_id } = JSON.parse(sent.at(-1) as string);
      alone.admitted(request_id);
      alone.tell({ type: 'participants', room: ROOM });
    };
    return { seat: alone, sent, open, call, admit };
  }

  test('one call is under way at a time, and the next begins when it is over', async () => {
    const { seat: alone, sent, call, admit } = startSeat();
    const [entered, left] = [call(ENTER), call(LEAVE)];
    expect([alone.isWanted, sent]).toEqual([true, [CREATE]]);
    admit();
    expect([alone.isWanted, sent]).toEqual([false, [CREATE, '{"type":"LeaveRoom"}']]);
    expect([await entered, await left]).toEqual([ROOM, undefined]);
  });

  test('a call whose signal aborts before its turn sends nothing', async () => {
    const { seat: alone, sent, open, call } = startSeat({ isOpen: false });
    const controller = new AbortController();
    const first = call(ENTER, { signal: controller.signal });
    controller.abort(new Error('changed my mind'));
    await expect(first).rejects.toThrow('changed my mind');
    open();
    expect([alone.isWanted, sent]).toEqual([false, []]);
  });

  test('a call whose signal aborts while the server is asked is undone, and the next begins behind that', async () => {
    const { sent, call, admit } = startSeat();
    const controller = new AbortController();
    const [first, second] = [call(ENTER, { signal: controller.signal }), call(ENTER)];
    controller.abort(new Error('changed my mind'));
    await expect(first).rejects.toThrow('changed my mind');
    expect(sent).toEqual([CREATE]);
    admit();
    expect(sent).toEqual([CREATE, '{"type":"LeaveRoom"}', CREATE]);
    admit();
    expect(await second).toEqual(ROOM);
  });

  test('at the end all are rejected', async () => {
    const { seat: alone, call } = startSeat();
    const all = [call(ENTER), call(LEAVE)];
    alone.end(new SignalingError('Closed', 'over'));
    for (const each of all) await expect(each).rejects.toThrow('over');
  });
});

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
