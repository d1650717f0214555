import type { MeshPeerState, SignalingState } from '../../src/client/index.ts';
import type { Text } from '../i18n/en.ts';
import { passes } from './happenings.ts';
import { nameOf, type Person } from './people.ts';

/** How things stand, in words. */
export interface Status {
  /** good: all is well. busy: something is being done. bad: something is wrong. idle: nothing is going on. */
  readonly tone: 'good' | 'busy' | 'bad' | 'idle';
  readonly text: string;
  /** What else is true, after `retryAt`. */
  readonly aside?: string;
  /** When the server is tried again, in milliseconds since the epoch. */
  readonly retryAt?: number;
}

/** More are no line any more. */
const MAX_NAMES = 3;

/** The worst first: the server, then those we have lost, those we are reaching, and then all is well. */
export function statusOf(
  signaling: SignalingState | undefined,
  people: readonly Person[],
  isInRoom: boolean,
  text: Text,
): Status {
  const others = people.filter(({ isSelf }) => !isSelf);
  if (signaling === undefined) return { tone: 'idle', text: text.status.idle };
  if (!isInRoom) return ofEntering(signaling, text);
  if (signaling.status !== 'connected') return ofServer(signaling, others, text);
  const names = (wanted: MeshPeerState) =>
    namesOf(
      others.filter(({ state }) => state === wanted),
      text,
    );
  const failed = names('failed');
  if (failed !== '') return { tone: 'bad', text: text.status.failedPeers(failed) };
  const lost = names('reconnecting');
  if (lost !== '') return { tone: 'busy', text: text.status.lostPeers(lost) };
  const reaching = names('connecting');
  if (reaching !== '') return { tone: 'busy', text: text.status.reachingPeers(reaching) };
  const interrupted = names('interrupted');
  if (interrupted !== '') return { tone: 'busy', text: text.status.interruptedPeers(interrupted) };
  const connected = others.filter(({ state }) => passes(state)).length;
  return { tone: 'good', text: connected === 0 ? text.status.alone : text.status.connected(connected) };
}

/** Their names, or how many they are: when they are many, or several have not told their names yet. */
function namesOf(people: readonly Person[], text: Text): string {
  const areTold = people.every(({ name }) => name !== '');
  if (people.length > MAX_NAMES || (people.length > 1 && !areTold)) return text.status.people(people.length);
  return new Intl.ListFormat(text.locale).format(people.map((person) => nameOf(person, text)));
}

function ofEntering({ status, retryAt }: SignalingState, { status: text }: Text): Status {
  if (status !== 'waiting')
    return { tone: 'busy', text: status === 'offline' ? text.offline : text.connecting };
  return { tone: 'bad', text: text.unreachable, ...(retryAt !== undefined && { retryAt }) };
}

function ofServer(signaling: SignalingState, others: readonly Person[], { status: text }: Text): Status {
  const connected = others.filter(({ state }) => passes(state)).length;
  const goesOn = connected > 0 && { aside: text.mediaGoesOn(connected) };
  switch (signaling.status) {
    case 'waiting':
      return {
        tone: 'bad',
        text: text.waiting,
        ...(signaling.retryAt !== undefined && { retryAt: signaling.retryAt }),
        ...goesOn,
      };
    case 'offline':
      return { tone: 'bad', text: text.offline, ...goesOn };
    case 'closed':
      return { tone: 'bad', text: text.closed };
    default:
      return signaling.attempt === 0
        ? { tone: 'busy', text: text.connecting }
        : { tone: 'busy', text: text.reconnecting, ...goesOn };
  }
}
