import { expect, test } from '@jest/globals';
import { summarize } from '../../src/client/summary.ts';

const stats = (...all: { readonly id: string; readonly type: string; readonly [name: string]: unknown }[]) =>
  new Map(all.map((each) => [each.id, each]));

const LOCAL = {
  id: 'l',
  type: 'local-candidate',
  candidateType: 'host',
  protocol: 'udp',
  address: '10.0.0.1',
};
const REMOTE = { id: 'r', type: 'remote-candidate', candidateType: 'relay', protocol: 'udp' };
const PAIR = {
  id: 'p',
  type: 'candidate-pair',
  localCandidateId: 'l',
  remoteCandidateId: 'r',
  bytesSent: 7,
  bytesReceived: 8,
};

test('the path in use, in milliseconds, and what came through it', () => {
  const report = stats(
    { id: 't', type: 'transport', selectedCandidatePairId: 'p', bytesSent: 10, bytesReceived: 20 },
    { ...PAIR, currentRoundTripTime: 0.012 },
    LOCAL,
    REMOTE,
    {
      id: 'a',
      type: 'inbound-rtp',
      kind: 'audio',
      packetsReceived: 5,
      packetsLost: 1,
      jitter: 0.003,
      audioLevel: 0.5,
    },
    { id: 'v', type: 'inbound-rtp', kind: 'video', framesPerSecond: 30, frameWidth: 640, frameHeight: 480 },
    { id: 'o', type: 'outbound-rtp', kind: 'audio' },
  );
  expect(summarize(report)).toEqual({
    rttMs: 12,
    route: { local: 'host', remote: 'relay', protocol: 'udp', localAddress: '10.0.0.1' },
    bytesSent: 10,
    bytesReceived: 20,
    inbound: [
      { kind: 'audio', packets: 5, lost: 1, jitterMs: 3, audioLevel: 0.5 },
      { kind: 'video', packets: 0, lost: 0, framesPerSecond: 30, width: 640, height: 480 },
    ],
  });
});

test('without transport statistics, as in Firefox, the selected pair tells', () => {
  expect(summarize(stats({ ...PAIR, id: 'x' }, { ...PAIR, selected: true }, LOCAL, REMOTE))).toMatchObject({
    route: { local: 'host', remote: 'relay' },
    bytesSent: 7,
    bytesReceived: 8,
  });
});

test('before there is a path', () => {
  expect(summarize(stats())).toEqual({ bytesSent: 0, bytesReceived: 0, inbound: [] });
});
