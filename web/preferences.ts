/** What this browser remembers of its user, and nobody else is told. */

const KEYS = {
  name: 'bloom.name',
  language: 'bloom.language',
  microphone: 'bloom.microphone',
  camera: 'bloom.camera',
  speaker: 'bloom.speaker',
} as const;

export type Preference = keyof typeof KEYS;

/** Empty when nothing is remembered, or the browser lets the page remember nothing. */
export function recall(preference: Preference): string {
  try {
    return localStorage.getItem(KEYS[preference]) ?? '';
  } catch {
    return '';
  }
}

export function remember(preference: Preference, value: string): void {
  try {
    if (value === '') localStorage.removeItem(KEYS[preference]);
    else localStorage.setItem(KEYS[preference], value);
  } catch {
    // Private windows may refuse: then it is forgotten when the page closes.
  }
}
