import { randomBytes } from 'node:crypto';

/** The digit in an offer's session name that tells one from the next: 0 to 9, in this order. */
export const MARK = 's=bench-';

/**
 * An offer as a browser makes it for audio and video, cut to a size: in JSON with an addressee, 1.7 KB. Its lines end
 * with CRLF, which JSON escapes.
 */
export function offerSdp(mark: number): string {
  const codecs = [
    ['111 opus/48000/2', 'minptime=10;useinbandfec=1'],
    ['63 red/48000/2', '111/111'],
    ['96 VP8/90000', ''],
    ['97 rtx/90000', 'apt=96'],
    ['45 AV1/90000', 'level-idx=5;profile=0;tier=0'],
    ['102 H264/90000', 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f'],
  ];
  const feedback = (format = '') =>
    ['nack', 'nack pli', 'ccm fir'].map((kind) => `a=rtcp-fb:${format} ${kind}`);
  const media = (kind: string, mid: number, formats: string[][]) => [
    `m=${kind} 9 UDP/TLS/RTP/SAVPF ${formats.map(([format]) => format?.split(' ')[0]).join(' ')}`,
    'c=IN IP4 0.0.0.0',
    'a=rtcp:9 IN IP4 0.0.0.0',
    'a=ice-ufrag:Qk3x',
    'a=ice-pwd:8sYV1n0vK0mJq7u2m3sXo1Tz',
    'a=ice-options:trickle',
    `a=fingerprint:sha-256 ${FINGERPRINT}`,
    'a=setup:actpass',
    `a=mid:${mid}`,
    'a=sendrecv',
    'a=rtcp-mux',
    ...formats.flatMap(([format, parameters]) => [
      `a=rtpmap:${format}`,
      ...(parameters ? [`a=fmtp:${format?.split(' ')[0]} ${parameters}`] : []),
      ...(kind === 'video' && !parameters?.startsWith('apt') ? feedback(format?.split(' ')[0]) : []),
    ]),
    'a=ssrc:1731942583 cname:8s0XKxw5v3cJq1Qd',
    `a=msid:- 6f0c2a4e-3b6f-4c6b-9d52-0b8c9c7d1f3${mid}`,
  ];
  const lines = [
    'v=0',
    'o=- 4611731400430051336 2 IN IP4 127.0.0.1',
    `${MARK}${mark}`,
    't=0 0',
    'a=group:BUNDLE 0 1',
    'a=extmap-allow-mixed',
    'a=msid-semantic: WMS',
    ...media('audio', 0, codecs.slice(0, 2)),
    ...media('video', 1, codecs.slice(2)),
  ];
  return `${lines.join('\r\n')}\r\n`;
}

const FINGERPRINT = (randomBytes(32).toString('hex').toUpperCase().match(/../g) as string[]).join(':');
