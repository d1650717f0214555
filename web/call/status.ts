import type { MeshPeerState, SignalingState } from '../../src/client/index.ts';
import type { Text } from '../i18n/en.ts';
import { passes } from './announcements.ts';
import { nameOf, type Person } from './people.ts';
import type { Quality } from './quality.ts';

/** How the connections are, in words. */
export interface Status {
  /** good: all is well. weak: media suffers. busy: it is being mended. bad: it fails. idle: there is no call. */
  readonly tone: 'good' | 'weak' | 'busy' | 'bad' | 'idle';
  /** Stays the same from the first attempt to the last, so that a screen reader says it once. */
  readonly text: string;
  /** When the server is tried again, in milliseconds since the epoch. */
  readonly retryAt?: number;
}

/** More names, or longer ones, do not fit into a phone's two lines with what is said of them. */
const MAX_NAMES = 3;
const MAX_CHARACTERS = 36;

/** The worst comes first: the server, lost and unreached people, then weak connections. */
export function statusOf(
  signaling: SignalingState | undefined,
  people: readonly Person[],
  isInRoom: boolean,
  text: Text,
  qualityTo: (person: Person) => Quality = () => 'good',
): Status {
  const others = people.filter(({ isSelf }) => !isSelf);
  if (signaling === undefined) return { tone: 'idle', text: text.status.idle };
  if (!isInRoom) return ofEntering(signaling, text);
  if (signaling.status !== 'connected') return ofServer(signaling, others, text);
  const namesWhere = (isWanted: (person: Person) => boolean) => namesOf(others.filter(isWanted), text);
  const names = (wanted: MeshPeerState) => namesWhere(({ state }) => state === wanted);
  const namesOfQuality = (wanted: Quality) =>
    namesWhere((person) => passes(person.state) && qualityTo(person) === wanted);
  const why = (isWanted: (person: Person) => boolean): string => {
    const reasons = new Set(others.filter(isWanted).flatMap(({ reason }) => reason ?? []));
    return [...reasons].map((reason) => ` ${text.reasons[reason]}`).join('');
  };
  const failed = names('failed');
  if (failed !== '')
    return { tone: 'bad', text: text.status.failedPeers(failed) + why(({ state }) => state === 'failed') };
  const lost = names('reconnecting');
  if (lost !== '')
    return { tone: 'busy', text: text.status.lostPeers(lost) + why(({ state }) => state === 'reconnecting') };
  const reaching = names('connecting');
  if (reaching !== '')
    return {
      tone: 'busy',
      text: text.status.reachingPeers(reaching) + why(({ state }) => state === 'connecting'),
    };
  const interrupted = names('interrupted');
  if (interrupted !== '') return { tone: 'busy', text: text.status.interruptedPeers(interrupted) };
  const isTroubled = ({ state, reason }: Person) => passes(state) && reason !== undefined;
  const troubled = namesWhere(isTroubled);
  if (troubled !== '') return { tone: 'weak', text: text.status.troubledPeers(troubled) + why(isTroubled) };
  const bad = namesOfQuality('bad');
  if (bad !== '') return { tone: 'bad', text: text.status.badPeers(bad) };
  const weak = namesOfQuality('weak');
  if (weak !== '') return { tone: 'weak', text: text.status.weakPeers(weak) };
  const connected = others.filter(({ state }) => passes(state)).length;
  return { tone: 'good', text: connected === 0 ? text.status.alone : text.status.connected(connected) };
}

/** Their names; or how many they are, when the names do not fit or several have not told theirs yet. */
function namesOf(people: readonly Person[], text: Text): string {
  const areTold = people.every(({ name }) => name !== '');
  const names = new Intl.ListFormat(text.locale).format(people.map((person) => nameOf(person, text)));
  const fit = people.length <= MAX_NAMES && names.length <= MAX_CHARACTERS;
  return people.length > 1 && !(areTold && fit) ? text.status.people(people.length) : names;
}

function ofEntering({ status, attempt, retryAt }: SignalingState, { status: text }: Text): Status {
  if (status === 'offline') return { tone: 'bad', text: text.offline };
  const isTriedAgain = status === 'waiting' || (status === 'connecting' && attempt > 0);
  if (!isTriedAgain) return { tone: 'busy', text: text.connecting };
  return { tone: 'bad', text: text.unreachable, ...(retryAt !== undefined && { retryAt }) };
}

function ofServer(
  { status, attempt, retryAt }: SignalingState,
  others: readonly Person[],
  { status: text }: Text,
): Status {
  if (status === 'closed') return { tone: 'bad', text: text.closed };
  const goesOn = others.some(({ state }) => passes(state)) ? ` ${text.mediaGoesOn}` : '';
  if (status === 'offline') return { tone: 'bad', text: text.offline + goesOn };
  if (status !== 'waiting' && attempt === 0) return { tone: 'busy', text: text.connecting };
  return { tone: 'bad', text: text.reconnecting + goesOn, ...(retryAt !== undefined && { retryAt }) };
}
