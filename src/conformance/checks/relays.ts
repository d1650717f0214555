import type { Check } from '../check.ts';
import { canSignal, creates, isGone, joins, lines, participants, seated } from '../scenes.ts';

/** Payloads as browsers send them, and such as a careless server would mend. */
const PAYLOADS = [
  '"type":"Offer",PEER,"sdp":"v=0\\r\\no=- 1 2 IN IP4 127.0.0.1\\r\\n"',
  '"type":"Answer",PEER,"sdp":""',
  '"type":"Offer",PEER,"sdp":" é 💐 \\u2028 \\u0000 \\"quoted\\" \\\\ "',
  '"type":"IceCandidate",PEER,"candidate":"candidate:1 1 udp 1 192.0.2.1 5000 typ host","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"u"',
  '"type":"IceCandidate",PEER,"candidate":"x","sdpMid":null,"sdpMLineIndex":null,"usernameFragment":null',
  '"type":"IceCandidate",PEER,"candidate":"","sdpMLineIndex":65535',
  '"type":"IceCandidate",PEER,"candidate":""',
];

function relayed(payload: string): string {
  return lines(
    `Alice → {${payload.replace('PEER', '"to":"BOB"')}}`,
    `Bob ← {${payload.replace('PEER', '"from":"ALICE"')}}`,
  );
}

/** As many as a client may send in one go, next to what seating took. */
const SEQUENCE = Array.from({ length: 15 }, (_, index) =>
  index % 3 === 2
    ? `{"type":"IceCandidate",PEER,"candidate":"${index}"}`
    : `{"type":"${index % 2 === 0 ? 'Offer' : 'Answer'}",PEER,"sdp":"${index}"}`,
);

export const RELAYS: readonly Check[] = [
  {
    name: 'Offer, Answer and IceCandidate reach their addressee alone, as they were sent',
    section: 'Relays',
    steps: lines(seated('Alice', 'Bob', 'Carol'), ...PAYLOADS.map(relayed)),
  },
  {
    name: 'a participant is named by the server, not by what it sends',
    section: 'Relays',
    steps: lines(
      seated('Alice', 'Bob'),
      'Alice → {"type":"Offer","to":"BOB","from":"SOMEBODY","sdp":"x"}',
      'Alice ← {"type":"Error","code":"InvalidPayload","message":"…"}',
      canSignal('Alice', 'Bob'),
    ),
  },
  {
    name: 'what a member addresses to itself comes back, and to nobody else',
    section: 'Relays',
    steps: lines(
      seated('Alice', 'Bob'),
      'Bob → {"type":"IceCandidate","to":"BOB","candidate":""}',
      'Bob ← {"type":"IceCandidate","from":"BOB","candidate":""}',
      'Bob → {"type":"Offer","to":"upper(BOB)","sdp":"to myself"}',
      'Bob ← {"type":"Offer","from":"BOB","sdp":"to myself"}',
      canSignal('Alice', 'Bob'),
    ),
  },
  {
    name: 'frames from one sender arrive at one addressee in the order they were sent',
    section: 'Order',
    steps: lines(
      seated('Alice', 'Bob'),
      ...SEQUENCE.map((message) => `Alice → ${message.replace('PEER', '"to":"BOB"')}`),
      ...SEQUENCE.map((message) => `Bob ← ${message.replace('PEER', '"from":"ALICE"')}`),
    ),
  },
  {
    name: 'a newcomer’s PeerConnected precedes every relay from it, sent without waiting',
    section: 'Order',
    steps: lines(
      creates('Alice'),
      'Bob → {"type":"JoinRoom","room_id":"ROOM"}',
      'Bob → {"type":"Offer","to":"ALICE","sdp":"at once"}',
      'Bob ← {"type":"PeerConnected","participant_id":"BOB"}',
      participants('Bob', ['Alice', 'Bob']),
      'Alice ← {"type":"PeerConnected","participant_id":"BOB"}',
      participants('Alice', ['Alice', 'Bob']),
      'Alice ← {"type":"Offer","from":"BOB","sdp":"at once"}',
    ),
  },
  {
    name: 'a newcomer’s PeerConnected precedes every relay to it',
    section: 'Order',
    steps: lines(
      creates('Alice'),
      'Bob → {"type":"JoinRoom","room_id":"ROOM"}',
      'Alice ← {"type":"PeerConnected","participant_id":"BOB"}',
      'Alice → {"type":"Offer","to":"BOB","sdp":"welcome"}',
      participants('Alice', ['Alice', 'Bob']),
      'Bob ← {"type":"PeerConnected","participant_id":"BOB"}',
      participants('Bob', ['Alice', 'Bob']),
      'Bob ← {"type":"Offer","from":"ALICE","sdp":"welcome"}',
    ),
  },
  {
    name: 'all members see those who come at the same time come in the same order',
    section: 'Order',
    steps: lines(
      seated('Alice', 'Bob'),
      'P1 connects',
      'P2 connects',
      'P3 connects',
      ...['P1', 'P2', 'P3'].map((who) => `${who} → {"type":"JoinRoom","room_id":"ROOM"}`),
      ...['Alice', 'Bob'].flatMap((who) =>
        ['First', 'Second', 'Third'].flatMap((newcomer, index, newcomers) => [
          `${who} ← {"type":"PeerConnected","participant_id":"${newcomer.toUpperCase()}"}`,
          participants(who, ['Alice', 'Bob', ...newcomers.slice(0, index + 1)]),
        ]),
      ),
      ...['P1', 'P2', 'P3'].map((who) => `${who} ← whatever`),
    ),
  },
  {
    name: 'all members see joins and leaves in the same order, amid relays',
    section: 'Order',
    steps: lines(
      seated('Alice', 'Bob'),
      joins('Carol', ['Alice', 'Bob']),
      'Carol → {"type":"LeaveRoom"}',
      isGone('Carol', ['Alice', 'Bob']),
      joins('Dave', ['Alice', 'Bob']),
      joins('Carol', ['Alice', 'Bob', 'Dave']),
      canSignal('Dave', 'Carol'),
      'Bob closes with 1000',
      isGone('Bob', ['Alice', 'Dave', 'Carol']),
    ),
  },
];
