import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WebSocket, WebSocketServer, type Server as WebSocketServerOf } from 'ws';

import { CLOSE_CODES } from '../../../src/protocol/codes.ts';
import { ClientSocket, type ServedConnection } from '../../../src/transport/ws/client-socket.ts';

let server: WebSocketServerOf<typeof ClientSocket>;
beforeAll(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1', maxPayload: 100, WebSocket: ClientSocket });
  await once(server, 'listening');
});
afterAll(() => server.close());

/** A client, and the server's socket for it; `told` is each `closing` with the state the socket was in then. */
async function meet() {
  const { port } = server.address() as AddressInfo;
  const client = new WebSocket(`ws://127.0.0.1:${port}`);
  const [[socket]] = (await Promise.all([once(server, 'connection'), once(client, 'open')])) as [
    [ClientSocket],
    unknown,
  ];
  const told: [end: string, readyState: number][] = [];
  const closings: number[] = [];
  let firstTold: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    firstTold = resolve;
  });
  const { _socket: net } = socket as unknown as { _socket: Socket };
  socket.serve(
    net,
    {} as ServedConnection,
    { closed() {} },
    {
      message() {},
      pinged() {},
      ponged() {},
      ended(which, end) {
        expect(which).toBe(socket);
        told.push([end, socket.readyState]);
        firstTold();
      },
      closed(which) {
        expect(which).toBe(socket);
        closings.push(socket.readyState);
      },
    },
  );
  const closed = new Promise((resolve) => socket.on('close', resolve));
  return { client, socket, told, closings, ended, closed };
}

/** What the end is of a socket closed with each code; the codes of the table in docs/closures.md, and others. */
const ENDS: [code: number, end: 'closed' | 'away' | 'lost'][] = [
  [1000, 'closed'],
  [1001, 'closed'],
  [1002, 'closed'],
  [1003, 'closed'],
  [1007, 'closed'],
  [1008, 'closed'],
  [1009, 'closed'],
  [1010, 'lost'],
  [1011, 'lost'],
  [1012, 'lost'],
  [1013, 'lost'],
  [3000, 'lost'],
  [4000, 'lost'],
  [4001, 'away'],
  [4401, 'lost'],
  [4408, 'closed'],
  [4409, 'lost'],
  [4429, 'closed'],
  [4999, 'lost'],
];

describe('its end is told', () => {
  test.each(ENDS)(
    'when the server closes it with %s: %s, once, and it is closing already',
    async (code, end) => {
      const { socket, told, closed } = await meet();
      socket.close(code, 'why');
      expect(told).toEqual([[end, WebSocket.CLOSING]]);
      socket.close(1000);
      await closed;
      expect(told).toHaveLength(1);
    },
  );

  test.each(ENDS)('when the client closes it with %s: %s, once', async (code, end) => {
    const { client, told, closed } = await meet();
    client.close(code);
    await closed;
    expect(told).toEqual([[end, WebSocket.CLOSING]]);
  });

  test('when the client closes it without a code: it may come back', async () => {
    const { client, told, closed } = await meet();
    client.close();
    await closed;
    expect(told).toEqual([['lost', WebSocket.CLOSING]]);
  });

  test('when a close frame has come and the peer does not end its side: at once', async () => {
    const { client, told, ended } = await meet();
    const { _socket: net } = client as unknown as { _socket: Socket };
    net.write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8])); // 1000, masked with noughts
    await ended;
    expect(told).toEqual([['closed', WebSocket.CLOSING]]);
    expect(net.destroyed).toBe(false);
    client.terminate();
  });

  test.each([
    ['a frame too big', (client: WebSocket) => client.send('x'.repeat(101)), 1009],
    [
      'a text that is not UTF-8',
      (client: WebSocket) => client.send(Buffer.from([0xff]), { binary: false }),
      1007,
    ],
    [
      'what is not WebSocket',
      (client: WebSocket) =>
        (client as unknown as { _socket: Socket })._socket.write('GET / HTTP/1.1\r\n\r\n'),
      1002,
    ],
  ])('when the client sends %s: closed', async (_, misbehave, code) => {
    const { client, told, closed } = await meet();
    const answer = once(client, 'close');
    misbehave(client);
    await closed;
    expect(told).toEqual([['closed', WebSocket.CLOSING]]);
    expect((await answer)[0]).toBe(code);
  });

  test('when its connection just breaks: lost, once', async () => {
    const { client, told, closed } = await meet();
    client.terminate();
    await closed;
    expect(told).toEqual([['lost', expect.any(Number)]]);
  });

  test('when its client ends its side without a close frame: lost, before the socket has closed', async () => {
    const { client, socket, told, ended } = await meet();
    const { _socket: net } = client as unknown as { _socket: Socket };
    net.end();
    await ended;
    expect(told).toEqual([['lost', expect.any(Number)]]);
    expect(socket.readyState).not.toBe(WebSocket.CLOSED);
  });

  test('when it is terminated: lost, once', async () => {
    const { socket, told, closed } = await meet();
    socket.terminate();
    await closed;
    expect(told).toEqual([['lost', expect.any(Number)]]);
  });
});

test('every code the server closes with is in the table', () => {
  const known = ENDS.map(([code]) => code);
  expect(known).toEqual(expect.arrayContaining(Object.values(CLOSE_CODES).map(({ code }) => code)));
});

test('that it is closed is told once both sides have closed, and once when it is destroyed', async () => {
  const [open, destroyed] = [await meet(), await meet()];
  open.socket.close();
  expect(open.closings).toEqual([]);
  destroyed.socket.terminate();
  await Promise.all([open.closed, destroyed.closed]);
  expect([open.closings, destroyed.closings]).toEqual([[WebSocket.CLOSED], [WebSocket.CLOSED]]);
});
