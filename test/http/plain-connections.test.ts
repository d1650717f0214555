import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { expect, test } from '@jest/globals';
import { PlainConnections } from '../../src/http/plain-connections.ts';

let port = 1024;
function socketFrom(remoteAddress: string | undefined): Socket {
  port += 1;
  return Object.assign(new EventEmitter(), { remoteAddress, remotePort: port }) as unknown as Socket;
}

const limits = { all: 3, perAddress: 2, isExempt: (address: string) => address === '10.0.0.1' };
const addAll = (connections: PlainConnections, ...addresses: (string | undefined)[]) =>
  addresses.map((address) => connections.add(socketFrom(address)));

test('each address has its limit; a proxy and loopback have none', () => {
  const connections = new PlainConnections({ ...limits, all: 100 });
  expect(addAll(connections, '192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.2')).toEqual([
    true,
    true,
    false,
    true,
  ]);
  expect(addAll(connections, '10.0.0.1', '10.0.0.1', '10.0.0.1')).toEqual([true, true, true]);
  expect(addAll(connections, '127.0.0.1', '127.0.0.1', '127.0.0.1')).toEqual([true, true, true]);
});

test('all addresses together have theirs, a proxy with them; loopback gets in all the same', () => {
  const connections = new PlainConnections(limits);
  expect(addAll(connections, '192.0.2.1', '192.0.2.2', '10.0.0.1')).toEqual([true, true, true]);
  expect(addAll(connections, '192.0.2.3', '10.0.0.1', '127.0.0.1')).toEqual([false, false, true]);
});

test('a connection that closes, or gets a WebSocket, makes place for another, once', () => {
  const connections = new PlainConnections(limits);
  const [first, second] = [socketFrom('192.0.2.1'), socketFrom('192.0.2.1')];
  connections.add(first);
  connections.add(second);
  expect(addAll(connections, '192.0.2.1')).toEqual([false]);
  // A TLS socket has the same peer as the TCP socket below it.
  connections.remove({ remoteAddress: first.remoteAddress, remotePort: first.remotePort } as Socket);
  first.emit('close');
  expect(addAll(connections, '192.0.2.1', '192.0.2.1')).toEqual([true, false]);
  second.emit('close');
  expect(addAll(connections, '192.0.2.1', '192.0.2.1')).toEqual([true, false]);
  expect(connections.size).toBe(2);
});

test('a socket that is gone already has no address, and is not taken', () => {
  expect(addAll(new PlainConnections(limits), undefined)).toEqual([false]);
});
