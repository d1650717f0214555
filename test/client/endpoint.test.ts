import { afterEach, expect, test } from '@jest/globals';
import { readEndpoint, resolveEndpoint } from '../../src/client/endpoint.ts';

afterEach(() => {
  Reflect.deleteProperty(globalThis, 'location');
});

function openPage(href: string): void {
  Object.assign(globalThis, { location: { href } });
}

test.each([
  ['ws://example.org/ws', 'ws://example.org/ws'],
  ['http://localhost:8080/ws', 'ws://localhost:8080/ws'],
  ['https://example.org/ws', 'wss://example.org/ws'],
  ['//other.example/ws', 'wss://other.example/ws'],
  ['/ws', 'wss://page.example/ws'],
  ['ws', 'wss://page.example/room/ws'],
  ['./v1.0/ws', 'wss://page.example/room/v1.0/ws'],
  ['v1.0/ws', 'wss://page.example/room/v1.0/ws'],
])('%s in a page is %s', (given, url) => {
  openPage('https://page.example/room/');
  expect(resolveEndpoint(given).href).toBe(url);
});

test.each([
  'example.org/ws',
  'localhost:8080/ws',
  'localhost/ws',
  '127.0.0.1:8080/ws',
  '[::1]:8080/ws',
  'server:8080/ws',
  'example.org:443',
])('%s has no scheme, in a page and without one', (given) => {
  expect(() => readEndpoint(given)).toThrow(`Write wss://${given}`);
  openPage('https://page.example/');
  expect(() => readEndpoint(given)).toThrow(`Write wss://${given}`);
});

test.each(['no url', 'ftp://example.org/ws', 'wss://', ''])('%j is refused', (given) => {
  expect(() => readEndpoint(given)).toThrow(TypeError);
});

test('a path can be read without a page, and resolved only in one', () => {
  expect(readEndpoint('/ws')).toBeUndefined();
  expect(() => resolveEndpoint('/ws')).toThrow('relative to a page');
  openPage('http://localhost:3000/');
  expect(resolveEndpoint('/ws').href).toBe('ws://localhost:3000/ws');
});
