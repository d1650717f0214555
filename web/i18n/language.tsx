import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { recall, remember } from '../preferences.ts';
import { en, type Text } from './en.ts';
import { ja } from './ja.ts';
import { type Language, preferredLanguage } from './preferred.ts';

const TEXTS: Readonly<Record<Language, Text>> = { en, ja };

interface LanguageContextValue {
  readonly text: Text;
  setLanguage(language: Language): void;
}

const LanguageContext = createContext<LanguageContextValue>({ text: en, setLanguage() {} });

export function LanguageProvider({ children }: { readonly children: ReactNode }) {
  const [language, setLanguage] = useState(() =>
    preferredLanguage(recall('language'), navigator.languages ?? [navigator.language]),
  );
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  const value = useMemo(
    () => ({
      text: TEXTS[language],
      setLanguage(language: Language) {
        remember('language', language);
        setLanguage(language);
      },
    }),
    [language],
  );
  return <LanguageContext value={value}>{children}</LanguageContext>;
}

export function useText(): Text {
  return useContext(LanguageContext).text;
}

export function useSetLanguage(): (language: Language) => void {
  return useContext(LanguageContext).setLanguage;
}
