import { expect, test } from '@jest/globals';
import { en } from '../../../web/i18n/en.ts';
import { ja } from '../../../web/i18n/ja.ts';
import { preferredLanguage } from '../../../web/i18n/preferred.ts';

test.each([
  ['', ['ja-JP', 'en'], 'ja'],
  ['', ['de-DE', 'JA'], 'ja'],
  ['', ['de-DE', 'fr'], 'en'],
  ['', [], 'en'],
  ['en', ['ja'], 'en'],
  ['nonsense', ['ja'], 'ja'],
] as const)('chosen %j, browser %j: %s', (chosen, browser, language) =>
  expect(preferredLanguage(chosen, browser)).toBe(language),
);

test('nothing is left in English', () => {
  const same: string[] = [];
  const compare = (a: object, b: object, path: string): void => {
    for (const [key, value] of Object.entries(a)) {
      const other = (b as Record<string, unknown>)[key];
      if (typeof value === 'object') compare(value, other as object, `${path}${key}.`);
      else if (typeof value === 'string' && value === other && value !== '') same.push(`${path}${key}`);
    }
  };
  compare(en, ja, '');
  expect(same).toEqual(['title', 'details.id']);
});
