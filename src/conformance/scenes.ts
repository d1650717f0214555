import type { ErrorCode } from '../protocol/codes.ts';

/** Lines that many transcripts have in common. In the base protocol, unless they say otherwise. */

const id = (who: string) => who.toUpperCase();

/** `Alice` is refused. */
export function refused(who: string, code: ErrorCode, times = 1): string {
  return `${who} ← {"type":"Error","code":"${code}","message":"…"}${times === 1 ? '' : ` ×${times}`}`;
}

export function participants(who: string, members: readonly string[], room = 'ROOM'): string {
  return `${who} ← ${JSON.stringify({ type: 'RoomParticipants', room_id: room, participants: members.map(id) })}`;
}

export function creates(who: string, room = 'ROOM'): string {
  return lines(
    `${who} → {"type":"CreateRoom"}`,
    `${who} ← {"type":"RoomCreated","room_id":"${room}","self_id":"${id(who)}"}`,
    participants(who, [who], room),
  );
}

/** `who` comes to those who are there, in join order. */
export function joins(who: string, there: readonly string[], room = 'ROOM'): string {
  const members = [...there, who];
  const heard = (each: string) =>
    lines(
      `${each} ← {"type":"PeerConnected","participant_id":"${id(who)}"}`,
      participants(each, members, room),
    );
  // The newcomer first: it is from what it hears that its id is known.
  return lines(
    `${who} → {"type":"JoinRoom","room_id":"${room}"}`,
    heard(who),
    ...there.map((each) => heard(each)),
  );
}

/** Those who remain hear that `who` is gone. */
export function isGone(who: string, remaining: readonly string[], room = 'ROOM'): string {
  return lines(
    ...remaining.map((each) =>
      lines(
        `${each} ← {"type":"PeerDisconnected","participant_id":"${id(who)}"}`,
        participants(each, remaining, room),
      ),
    ),
  );
}

/** All of these in one room, the first of whom created it. */
export function seated(...names: readonly string[]): string {
  const [creator = '', ...others] = names;
  return lines(creates(creator), ...others.map((each, index) => joins(each, names.slice(0, index + 1))));
}

/** The two are in one room still: a message gets through. */
export function canSignal(from: string, to: string): string {
  return lines(
    `${from} → {"type":"Offer","to":"${id(to)}","sdp":"still here"}`,
    `${to} ← {"type":"Offer","from":"${id(from)}","sdp":"still here"}`,
  );
}

/** Opens a session: `Alice` is known as ALICE from here on, and has TOKEN. */
export function greets(who: string, token = 'TOKEN'): string {
  return lines(
    `${who} → {"type":"Hello"}`,
    `${who} ← {"type":"Ready","participant_id":"${id(who)}","resume_token":"${token}","resumed":false,"…":"…"}`,
  );
}

export function lines(...parts: readonly string[]): string {
  return parts.join('\n');
}
