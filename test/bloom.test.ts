import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { WebSocket, WebSocketServer } from 'ws';
import { type Bloom, type BloomOptions, createBloom } from '../src/bloom.ts';
import { TestClient } from './support/client.ts';

const blooms: Bloom[] = [];
const hosts: Server[] = [];
afterEach(async () => {
  await Promise.all(blooms.splice(0).map((bloom) => bloom.close()));
  for (const host of hosts.splice(0)) {
    host.closeAllConnections();
    host.close();
  }
});

function make(options: BloomOptions = {}): Bloom {
  const bloom = createBloom(options);
  blooms.push(bloom);
  return bloom;
}

/** An application's own HTTP server, listening. */
async function host(): Promise<{ server: Server; url: string }> {
  const server = createServer((_, response) => response.end('the application'));
  hosts.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('it is attached on a path beside the WebSocket server of its host', async () => {
  const { server, url } = await host();
  make({ server, path: '/signal' });
  const own = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    if (request.url !== '/own') return;
    own.handleUpgrade(request, socket, head, (webSocket) => webSocket.send('the application’s'));
  });
  const client = await TestClient.connect(`ws://${url}/signal`);
  expect(await client.createRoom()).toEqual({ room_id: expect.any(String), self_id: expect.any(String) });
  const other = new WebSocket(`ws://${url}/own`);
  const [text] = await once(other, 'message');
  expect(String(text)).toBe('the application’s');
  other.terminate();
});

test('closing it closes its WebSockets, and leaves the server of its host open', async () => {
  const { server, url } = await host();
  const bloom = make({ server });
  const client = await TestClient.connect(`ws://${url}/ws`);
  await client.createRoom();
  await bloom.close();
  expect(await client.closed).toBe(1001);
  expect(await (await fetch(`http://${url}/`)).text()).toBe('the application');
  expect(server.listenerCount('upgrade')).toBe(0);
});

test('handleUpgrade takes an upgrade from any path of the application', async () => {
  const { server, url } = await host();
  const bloom = make({ noServer: true });
  server.on('upgrade', (request, socket, head) => bloom.handleUpgrade(request, socket, head));
  const client = await TestClient.connect(`ws://${url}/anywhere/at?all`);
  expect(await client.createRoom()).toMatchObject({ room_id: expect.any(String) });
});

test('two in one process have limits and rooms of their own', async () => {
  const { server, url } = await host();
  make({ server, path: '/small', roomCapacity: 1 });
  make({ server, path: '/large' });
  const [small, large] = [
    await TestClient.connect(`ws://${url}/small`),
    await TestClient.connect(`ws://${url}/large`),
  ];
  const { room_id } = await small.createRoom();
  large.send({ type: 'JoinRoom', room_id });
  expect(await large.nextOf('Error')).toMatchObject({ code: 'RoomNotFound' });
  const second = await TestClient.connect(`ws://${url}/small`);
  second.send({ type: 'JoinRoom', room_id });
  expect(await second.nextOf('Error')).toMatchObject({ code: 'RoomFull' });
});

test('with a port it listens by itself', async () => {
  const url = await make({ port: 0, host: '127.0.0.1', path: '/signal' }).listen();
  const client = await TestClient.connect(`ws://${url.host}/signal`);
  expect(await client.createRoom()).toMatchObject({ room_id: expect.any(String) });
});

describe('an error names the option', () => {
  test.each<[string, object]>([
    ['roomCapacity', { roomCapacity: 0 }],
    ['allowedOrigins', { allowedOrigins: ['https://app.example/path'] }],
    ['iceServers', { iceServers: [{ urls: 'http://example.org' }] }],
    ['port', { port: 70_000 }],
    ['port', { port: 80, noServer: true }],
    ['noServer', { server: createServer(), noServer: true }],
    ['server', { server: {} }],
    ['path', { path: 'ws' }],
    ['colour', { colour: 'red' }],
  ])('%s', (option, options) => {
    expect(() => createBloom(options as BloomOptions)).toThrow(new RegExp(`^.*\\b${option}\\b`));
  });
});
