import { useId } from 'react';
import { MAX_NAME_LENGTH } from '../call/messages.ts';
import { useText } from '../i18n/language.tsx';
import { useServices } from '../services.ts';
import { useStore } from '../store.ts';

/** What one is called: remembered by this browser, told to the others directly. */
export function NameField() {
  const { name } = useServices();
  const { start } = useText();
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{start.name}</label>
      <input
        id={id}
        value={useStore(name)}
        onChange={({ target }) => name.set(target.value)}
        placeholder={start.namePlaceholder}
        maxLength={MAX_NAME_LENGTH}
        autoComplete="nickname"
        spellCheck={false}
      />
    </div>
  );
}
