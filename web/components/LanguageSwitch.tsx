import { Languages } from 'lucide-react';
import { useSetLanguage, useText } from '../i18n/language.tsx';

/** Says the other language in that language, for those who do not read this one. */
export function LanguageSwitch() {
  const text = useText();
  const setLanguage = useSetLanguage();
  const other = text.locale === 'en' ? 'ja' : 'en';
  return (
    <button type="button" className="button quiet" lang={other} onClick={() => setLanguage(other)}>
      <Languages aria-hidden="true" />
      {text.otherLanguage}
    </button>
  );
}
