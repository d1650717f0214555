import { expect, test } from '@jest/globals';
import { Diagnosis, type Evidence, reasonOf } from '../../src/client/diagnosis.ts';

/** Why no path is found, from what is known. */

const candidate = (address: string, type = 'host') =>
  `candidate:1 1 udp 2122260223 ${address} 50000 typ ${type} generation 0`;

const SEALED_OFF: Evidence = {
  isRelayOnly: false,
  hasTurn: false,
  turnErrors: [],
  isGathering: false,
  local: [candidate('192.0.2.1')],
  remote: [candidate('192.0.2.2')],
  wasAnswered: false,
};
const url = 'turn:turn.example.org';
const refused = [{ url, code: 401, text: 'Unauthorized' }];
const silent = [{ url, code: 701, text: 'TURN allocate request timed out.' }];

test.each<[string, Partial<Evidence>, string | undefined, RegExp]>([
  ['the other end has not described itself', { remote: undefined }, undefined, /^$/],
  ['no packet is answered, and no TURN server is configured', {}, 'NoRoute', /no TURN server is configured/],
  [
    'no packet is answered, with a relay',
    { hasTurn: true, local: [candidate('198.51.100.1', 'relay')] },
    'NoRoute',
    /^No packet was answered on any path: a firewall or a NAT blocks them\.$/,
  ],
  [
    'only relays are allowed, and none is configured',
    { isRelayOnly: true, local: [] },
    'NoTurnServer',
    /relays/,
  ],
  [
    'the TURN server refuses the credentials',
    { hasTurn: true, turnErrors: refused },
    'TurnRefused',
    /turn:turn\.example\.org refused this client \(401\): the user name or the credential is wrong/,
  ],
  [
    'the TURN server refuses the credentials, and only relays are allowed',
    { isRelayOnly: true, hasTurn: true, turnErrors: refused, local: [] },
    'TurnRefused',
    /401/,
  ],
  [
    'a TURN server refuses, and another gives a relay',
    { hasTurn: true, turnErrors: refused, local: [candidate('198.51.100.1', 'relay')] },
    'NoRoute',
    /firewall/,
  ],
  [
    'the TURN server is silent',
    { hasTurn: true, turnErrors: silent },
    'TurnUnreachable',
    /example\.org did not/,
  ],
  [
    'the TURN server is silent, and only relays are allowed',
    { isRelayOnly: true, hasTurn: true, local: [], turnErrors: silent },
    'TurnUnreachable',
    /did not answer\.$/,
  ],
  ['a TURN server says nothing', { hasTurn: true, isGathering: true }, 'TurnUnreachable', /did not answer/],
  ['addresses of this end may still come', { local: [], isGathering: true }, undefined, /^$/],
  [
    'the TURN server of both ends is silent, and only relays are allowed',
    { isRelayOnly: true, hasTurn: true, isGathering: true, local: [], remote: [] },
    'TurnUnreachable',
    /did not answer/,
  ],
  ['this end has no address', { local: [] }, 'NoCandidates', /This end/],
  ['the other end has no address', { remote: [] }, 'NoRemoteCandidates', /other end/],
  [
    'the two ends have addresses of different families',
    { remote: [candidate('2001:db8::1')] },
    'AddressFamilies',
    /^This end has IPv4 alone, the other end has IPv6 alone\.$/,
  ],
  [
    'an mDNS name hides the address',
    { remote: [candidate('2001:db8::1'), candidate('x.local')] },
    'NoRoute',
    /./,
  ],
  ['packets were answered before', { wasAnswered: true }, 'Lost', /any more/],
])('%s', (_, evidence, code, message) => {
  const reason = reasonOf({ ...SEALED_OFF, ...evidence });
  expect(reason?.code).toBe(code);
  expect(reason?.message ?? '').toMatch(message);
});

test('what the ICE agent says is kept until candidates are gathered anew, of TURN servers alone', async () => {
  const listeners = new Map<string, (event: unknown) => void>();
  const tell = (event: unknown) => listeners.get('icecandidateerror')?.(event);
  let learnt = 0;
  const diagnosis = new Diagnosis(
    {
      addEventListener: (type: string, listener: (event: unknown) => void) => listeners.set(type, listener),
      iceGatheringState: 'complete',
      getConfiguration: () => ({ iceServers: [{ urls: ['stun:a', url] }] }),
      getStats: async () => new Map([['pair', { type: 'candidate-pair', responsesReceived: 0 }]]),
      localDescription: { sdp: `v=0\r\na=${candidate('192.0.2.1')}\r\n` },
      remoteDescription: { sdp: `v=0\r\na=${candidate('192.0.2.2')}\r\n` },
    } as never,
    () => {
      learnt += 1;
    },
  );
  tell({ url: 'stun:a', errorCode: 701, errorText: 'timed out' });
  expect([learnt, (await diagnosis.reason())?.code]).toEqual([0, 'TurnUnreachable']);
  tell({ url, errorCode: 401, errorText: 'Unauthorized' });
  expect([learnt, (await diagnosis.reason())?.code]).toEqual([1, 'TurnRefused']);
  diagnosis.forget();
  expect((await diagnosis.reason())?.code).toBe('TurnUnreachable');
  listeners.get('icegatheringstatechange')?.({});
  expect(learnt).toBe(2);
});
