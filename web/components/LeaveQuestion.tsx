import { useEffect, useId, useRef } from 'react';
import { useText } from '../i18n/language.tsx';
import { useServices } from '../services.ts';

/** Asks whether to leave, after Back or another link. Escape means no. */
export function LeaveQuestion() {
  const { actor } = useServices();
  const { leaving } = useText();
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  const stay = () => actor.send({ type: 'stay' });
  return (
    <dialog ref={dialog} className="question" aria-labelledby={id} onCancel={stay}>
      <h2 id={id}>{leaving.heading}</h2>
      <p>{leaving.lead}</p>
      <div className="question-buttons">
        <button type="button" className="button primary" onClick={stay}>
          {leaving.stay}
        </button>
        <button type="button" className="button danger" onClick={() => actor.send({ type: 'leave' })}>
          {leaving.leave}
        </button>
      </div>
    </dialog>
  );
}
