import { LoaderCircle } from 'lucide-react';
import { useText } from '../i18n/language.tsx';
import { useServices } from '../services.ts';

/** After a reload, until the call is there again. */
export function Returning() {
  const { actor } = useServices();
  const { start } = useText();
  return (
    <main className="returning" tabIndex={-1}>
      <p>
        <LoaderCircle className="spinning" aria-hidden="true" /> {start.returning}
      </p>
      <button type="button" className="button" onClick={() => actor.send({ type: 'leave' })}>
        {start.cancel}
      </button>
    </main>
  );
}
