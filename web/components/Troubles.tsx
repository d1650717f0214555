import { TriangleAlert, X } from 'lucide-react';
import { useState } from 'react';
import { useText } from '../i18n/language.tsx';
import type { Source, SourceState } from '../media/source.ts';
import { useServices } from '../services.ts';
import { useStore } from '../store.ts';

/** What keeps one from being heard or seen, and what to do about it. */
export function Troubles() {
  const { media } = useServices();
  return (
    <>
      {(['microphone', 'camera', 'screen'] as const).map((kind) => (
        <TroubleOf key={kind} kind={kind} source={media[kind]} />
      ))}
    </>
  );
}

function TroubleOf({
  kind,
  source,
}: {
  readonly kind: 'microphone' | 'camera' | 'screen';
  readonly source: Source;
}) {
  const { trouble } = useText();
  const state = useStore(source.state);
  const [dismissed, setDismissed] = useState<SourceState>();
  const dismiss = (): void => {
    setDismissed(state);
    document.querySelector('main')?.focus(); // the button goes away with the message
  };
  if (state.status !== 'failed' || state === dismissed) return null;
  return (
    <div className="notice" role="alert">
      <TriangleAlert aria-hidden="true" />
      <p>{trouble[kind][state.trouble]}</p>
      <button type="button" className="button icon quiet" onClick={dismiss}>
        <X aria-hidden="true" />
        <span className="hidden">{trouble.dismiss}</span>
      </button>
    </div>
  );
}
