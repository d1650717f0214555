import type { Person } from '../../../web/call/people.ts';

/** Somebody connected and known, but for what is said otherwise. */
export function person(name: string, more: Partial<Person> = {}): Person {
  return {
    key: name,
    isSelf: false,
    isKnown: true,
    name,
    hue: 0,
    isMuted: false,
    state: 'connected',
    voices: [],
    ...more,
  };
}
