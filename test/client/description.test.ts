import { expect, test } from '@jest/globals';
import { mark, read, ufragsOf } from '../../src/client/description.ts';

const SDP = [
  'v=0',
  'o=- 1 2 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'a=group:BUNDLE 0 1',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'a=ice-ufrag:ABCD',
  'a=fingerprint:sha-256 AA:BB',
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  'a=ice-ufrag:ABCD',
  'a=fingerprint:sha-256 aa:bb',
  '',
].join('\r\n');

test('what is marked is read, and the SDP is as it was', () => {
  const marked = mark(SDP, 'i1', 'i1.7', 'i2');
  expect(marked.indexOf('a=x-bloom:i1 i1.7 i2\r\n')).toBe(SDP.indexOf('m=audio'));
  expect(read(marked)).toEqual({
    sdp: SDP,
    instance: 'i1',
    tag: 'i1.7',
    addressee: 'i2',
    fingerprint: 'sha-256 aa:bb',
  });
  expect(read(mark(SDP, 'i1', '-'))).toMatchObject({ sdp: SDP, tag: '-', addressee: undefined });
});

test('SDP of another client has no mark, and a malformed one is none', () => {
  for (const sdp of [SDP, `${SDP}a=x-bloom:\r\n`, `${SDP}a=x-bloom:${'i'.repeat(65)} 1\r\n`]) {
    expect(read(sdp)).toMatchObject({ sdp, instance: undefined, tag: undefined });
  }
  expect(read('')).toMatchObject({ sdp: '', fingerprint: '' });
});

test('SDP without media is marked at its end', () => {
  expect(mark('v=0\r\n', 'i1', 'i1.1')).toBe('v=0\r\na=x-bloom:i1 i1.1\r\n');
});

test('ICE user name fragments', () => expect(ufragsOf(SDP)).toEqual(['ABCD', 'ABCD']));
