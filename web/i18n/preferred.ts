export type Language = 'en' | 'ja';

export const LANGUAGES: readonly Language[] = ['en', 'ja'];

/** The language chosen before, or the first of the browser's that there is, or English. */
export function preferredLanguage(chosen: string, browserLanguages: readonly string[]): Language {
  const wanted = [chosen, ...browserLanguages].map((tag) => tag.toLowerCase().split('-')[0]);
  return wanted.find(isLanguage) ?? 'en';
}

function isLanguage(tag: string | undefined): tag is Language {
  return LANGUAGES.some((language) => language === tag);
}
