import type { MeshPeerState } from '../../src/client/index.ts';
import type { Person } from './people.ts';

/** What is worth telling somebody who does not see it. */
export interface Happening {
  readonly type: 'joined' | 'left' | 'shares' | 'sharesNoMore' | 'lost' | 'failed' | 'back';
  readonly person: Person;
}

/** What has happened to others between two lists of people, in the order they stand there. */
export function happeningsBetween(before: readonly Person[], after: readonly Person[]): Happening[] {
  const left = before.filter(({ key, isKnown }) => isKnown && !after.some((person) => person.key === key));
  return [
    ...left.map((person): Happening => ({ type: 'left', person })),
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

function changes(before: Person | undefined, person: Person): Happening[] {
  const types: Happening['type'][] = [];
  if (!before?.isKnown) types.push('joined');
  if (!before?.screen && person.screen) types.push('shares');
  if (before?.screen && !person.screen) types.push('sharesNoMore');
  if (before?.isKnown) types.push(...stateChange(before.state, person.state));
  return types.map((type) => ({ type, person }));
}

function stateChange(before: MeshPeerState, after: MeshPeerState): Happening['type'][] {
  const [was, is] = [passes(before), passes(after)];
  if (after === 'failed' && before !== 'failed') return ['failed'];
  if (was === is || before === 'connecting') return [];
  return is ? ['back'] : ['lost'];
}

/** Whether media and data pass: they do while somebody has only lost the server. */
export function passes(state: MeshPeerState): boolean {
  return state === 'connected' || state === 'interrupted';
}
