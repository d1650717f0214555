import type { MeshPeerState } from '../../src/client/index.ts';
import type { Person } from './people.ts';

/** A change of another participant, for the captions and for screen readers. */
export interface Announcement {
  readonly type: 'joined' | 'left' | 'shares' | 'sharesNoMore' | 'lost' | 'failed' | 'back';
  readonly person: Person;
}

/** The changes of the others from one list of people to the next, in the order of the lists. */
export function announcementsBetween(before: readonly Person[], after: readonly Person[]): Announcement[] {
  const left = before.filter(({ key, isKnown }) => isKnown && !after.some((person) => person.key === key));
  return [
    ...left.map((person): Announcement => ({ type: 'left', person })),
    ...after
      .filter(({ isSelf, isKnown }) => !isSelf && isKnown)
      .flatMap((person) =>
        changes(
          before.find(({ key }) => key === person.key),
          person,
        ),
      ),
  ];
}

function changes(before: Person | undefined, person: Person): Announcement[] {
  const types: Announcement['type'][] = [];
  if (!before?.isKnown) types.push('joined');
  if (!before?.screen && person.screen) types.push('shares');
  if (before?.screen && !person.screen) types.push('sharesNoMore');
  if (before?.isKnown) types.push(...stateChange(before.state, person.state));
  return types.map((type) => ({ type, person }));
}

function stateChange(before: MeshPeerState, after: MeshPeerState): Announcement['type'][] {
  const [was, is] = [passes(before), passes(after)];
  if (after === 'failed' && before !== 'failed') return ['failed'];
  if (was === is || before === 'connecting') return [];
  return is ? ['back'] : ['lost'];
}

/** Whether media and data pass. They also pass when the participant has lost only the server. */
export function passes(state: MeshPeerState): boolean {
  return state === 'connected' || state === 'interrupted';
}
