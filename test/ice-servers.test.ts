import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { readIceServers } from '../src/ice-servers.ts';
import { launchChromium } from './support/chromium.ts';

/** Of the page, where the functions given to `evaluate` run. */
declare const RTCPeerConnection: new (config: { iceServers: unknown[] }) => { close(): void };

/** The server's verdict about an entry of ICE_SERVERS is that of a browser: each entry here is tried in both. */

/** URLs of both kinds, as `stun:`. The same are tried as `turn:` with credentials. */
const URLS = [
  ...[
    'stun:h',
    'stuns:h',
    'STUN:h',
    'Stuns:h',
    'stun:h.',
    'stun:h_x',
    'stun:a-b.example',
    'stun:-',
    'stun:.',
  ],
  ...[
    'stun:192.0.2.1',
    'stun:192.0.2.1:3478',
    'stun:999.1.1.1',
    'stun:ü.example',
    'stun:a%20b',
    'stun:h,i;j',
  ],
  ...[
    'stun:[::1]',
    'stun:[2001:db8::1]:3478',
    'stun:[::1]:',
    'stun:[::1',
    'stun:::1',
    'stun:[]',
    'stun:[]:1',
  ],
  ...[
    'stun:h:1',
    'stun:h:65535',
    'stun:h:0',
    'stun:h:65536',
    'stun:h:99999',
    'stun:h:01',
    'stun:h:000000000001',
  ],
  ...['stun:h:', 'stun:h:x', 'stun:h:1x', 'stun:h:+1', 'stun:h:-1', 'stun:h: 1', 'stun:h:1e3', 'stun:h:0x10'],
  ...['stun:h:1:2', 'stun:h::1', 'stun::1', 'stun::', 'stun:', 'stun', '', 'h', 'stun:?', 'stun:#'],
  ...['stun://h', 'stun:/h', 'stun:h/', 'stun:h/p', 'stun:h:1/p', 'stun:\\h', 'stun:h#x', 'stun:h:1#x'],
  ...[
    'stun:u@h',
    'stun:u:p@h',
    'stun:@h',
    'stun:a b',
    'stun: h',
    'st un:h',
    ' stun:h',
    'stun:h ',
    'stun:h\n',
  ],
  ...['stun:h"', 'stun:h<>', 'stun:h|x', 'stun:h^', 'stun:h`', 'stun:h{}', `stun:${'a'.repeat(300)}`],
  ...['http:h', 'https://h', 'ws://h', 'turnx:h', 'stun:h?', 'stun:h?x', 'stun:h:1?', 'stun:h?transport=udp'],
];
const TURN_URLS = [
  ...['turn:h?transport=udp', 'turn:h?transport=tcp', 'turn:h:1?transport=UDP', 'turn:[::1]:1?transport=Tcp'],
  ...[
    'turns:h?transport=tcp',
    'turns:h?transport=udp',
    'TURNS:h',
    'turn:h?transport=tls',
    'turn:h?transport=sctp',
  ],
  ...[
    'turn:h?transport=',
    'turn:h?transport',
    'turn:h?Transport=udp',
    'turn:h?x=1',
    'turn:h?transport=udp&x=1',
  ],
  ...['turn:h?transport=udp#x', 'turn:h?transport= udp', 'turn:h?transport=%75dp', 'turn:h??transport=udp'],
  ...['turn:h?&transport=udp', 'turn:u@h:3478?transport=udp'],
];

const turn = { urls: 'turn:h' };
const account = { username: 'u', credential: 'c' };
const ENTRIES: readonly unknown[] = [
  ...URLS.map((urls) => ({ urls })),
  ...URLS.map((urls) => ({ urls: urls.replace(/^stun/i, 'turn'), ...account })),
  ...TURN_URLS.map((urls) => ({ urls, ...account })),
  ...TURN_URLS.map((urls) => ({ urls })),
  turn,
  { ...turn, username: 'u' },
  { ...turn, credential: 'c' },
  { ...turn, username: '', credential: 'c' },
  { ...turn, username: 'u', credential: '' },
  { ...turn, username: ' ', credential: ' ' },
  { ...turn, username: 7, credential: 7 },
  { ...turn, username: 'x'.repeat(509), credential: 'c' },
  { ...turn, username: 'x'.repeat(510), credential: 'c' },
  { ...turn, username: `x${'ü'.repeat(254)}`, credential: 'c' },
  { ...turn, username: 'ü'.repeat(255), credential: 'c' },
  { ...turn, username: 'u', credential: 'c'.repeat(5000) },
  { ...turn, ...account, credentialType: 'password' },
  { ...turn, ...account, credentialType: 'oauth' },
  { ...turn, ...account, comment: 'the one in Osaka' },
  { urls: 'stun:h', username: 'x'.repeat(600) },
  { urls: 'stun:h', username: '' },
  { urls: 'stun:h', credential: 'c' },
  { urls: 'stun:h', credentialType: 'password' },
  { urls: 'stun:h', url: 'x' },
  { urls: [] },
  { urls: [''] },
  { urls: ['stun:h', 'stun:h'] },
  { urls: ['stun:h', 'x'] },
  { urls: ['stun:h', 'turn:h'] },
  { urls: ['stun:h', 'turn:h'], ...account },
  { urls: ['stun:h', null] },
  { urls: null },
  { urls: 7 },
  { urls: {} },
  {},
  null,
  [],
  'stun:h',
];

/** Chromium takes these. The RFCs and other browsers do not, or it takes an object for the text "[object Object]". */
const TAKEN_BY_CHROMIUM_ALONE: readonly unknown[] = [
  { urls: 'stun:[g]' },
  { urls: 'stun:[192.0.2.1]' },
  { urls: 'stun:[::1]x' },
  { urls: 'turn:h?transport=udp=x', ...account },
  { urls: 'turn:h?transport=udp?x', ...account },
  { url: 'stun:h' },
  { urls: [['stun:h']] },
  { urls: 'stun:h', username: null },
  { ...turn, username: null, credential: null },
  { ...turn, username: true, credential: {} },
];

const isTaken = (entry: unknown): boolean => {
  try {
    readIceServers([entry]);
    return true;
  } catch {
    return false;
  }
};

describe('in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  async function verdicts(entries: readonly unknown[]): Promise<boolean[]> {
    const page = await browser.newPage();
    return page.evaluate(
      (all) =>
        all.map((entry) => {
          try {
            new RTCPeerConnection({ iceServers: [entry] }).close();
            return true;
          } catch {
            return false;
          }
        }),
      [...entries],
    );
  }
  const withEntries = (all: readonly boolean[], entries: readonly unknown[]) =>
    all.map((isTakenHere, i) => `${isTakenHere ? 'taken' : 'refused'}: ${JSON.stringify(entries[i])}`);

  test('each entry is taken or refused as by the server', async () => {
    const chromium = await verdicts(ENTRIES);
    expect(withEntries(ENTRIES.map(isTaken), ENTRIES)).toEqual(withEntries(chromium, ENTRIES));
    expect(new Set(chromium).size).toBe(2);
  });

  test('each entry that the server takes is taken in the form that clients are told', async () => {
    const told = ENTRIES.filter(isTaken).flatMap((entry) => readIceServers([entry]));
    expect(withEntries(await verdicts(told), told).filter((line) => line.startsWith('refused'))).toEqual([]);
  });

  test('the few entries about which it is laxer than the standards are laxer there only', async () => {
    const chromium = await verdicts(TAKEN_BY_CHROMIUM_ALONE);
    expect([chromium.includes(false), TAKEN_BY_CHROMIUM_ALONE.some(isTaken)]).toEqual([false, false]);
  });
});

test('clients are told URLs in normal form, text, and no member that browsers ignore', () => {
  expect(
    readIceServers([
      { urls: ' STUN:Stun.Example:3478 ' },
      {
        urls: ['TURN:h', 'turns:h?transport=tcp'],
        username: 'u',
        credential: 7,
        credentialType: 'password',
        x: 1,
      },
    ]),
  ).toEqual([
    { urls: 'stun:Stun.Example:3478' },
    { urls: ['turn:h', 'turns:h?transport=tcp'], username: 'u', credential: '7' },
  ]);
});

describe('the error names the entry and the part', () => {
  test.each([
    [{}, 'it is not an array'],
    [['stun:h'], 'entry 1: it is not an object'],
    [[{ urls: 'stun:h' }, {}], 'entry 2: urls is missing'],
    [[{ urls: [] }], 'entry 1: urls is empty'],
    [[{ urls: [7] }], 'entry 1: an element of urls is not a string'],
    [[{ urls: 'h' }], 'entry 1: "h": it is not a URL'],
    [[{ urls: 'http:h' }], 'entry 1: "http:h": the scheme is not stun, stuns, turn or turns'],
    [[{ urls: 'stun://h' }], 'entry 1: "stun://h": no // follows the scheme'],
    [[{ urls: 'stun:a b' }], 'entry 1: "stun:a b": the host is malformed'],
    [[{ urls: ['stun:h', 'stun:h:0'] }], 'entry 1: "stun:h:0": the port is not a number from 1 to 65535'],
    [
      [{ urls: 'stun:h?transport=udp' }],
      'entry 1: "stun:h?transport=udp": stun: and stuns: take no ?transport',
    ],
    [
      [{ urls: 'turn:h?transport=tls' }],
      'entry 1: "turn:h?transport=tls": the query is not ?transport=udp or ?transport=tcp',
    ],
    [[turn], 'entry 1: username is missing or empty, and turn: and turns: need one'],
    [[{ ...turn, username: 'u' }], 'entry 1: credential is missing or empty, and turn: and turns: need one'],
    [[{ ...turn, ...account, username: 'x'.repeat(510) }], 'entry 1: username is longer than 509 bytes'],
    [[{ ...turn, ...account, username: null }], 'entry 1: username is not a string'],
  ])('%j', (entries, message) => expect(() => readIceServers(entries)).toThrow(new Error(message)));

  test('without what may be a secret', () => {
    expect(() => readIceServers([{ urls: 'turn:bloom:s3cret@h' }])).toThrow(
      new Error('entry 1: a URL with @ (not shown): a user belongs into username, not into the URL'),
    );
  });
});
