import { useSelector } from '@xstate/react';
import { LoaderCircle } from 'lucide-react';
import { type FormEvent, type Ref, useEffect, useId, useRef, useState } from 'react';
import type { Entrance as Way } from '../call/call.ts';
import { roomIdIn } from '../call/invitation.ts';
import { useText } from '../i18n/language.tsx';
import { useServices } from '../services.ts';
import { useStore } from '../store.ts';
import { NameField } from './NameField.tsx';

/** A name, and the ways into a room. With a link there is one way in; creating another room comes after it. */
export function Entrance({ isEntering }: { readonly isEntering: boolean }) {
  const { actor, tabs } = useServices();
  const { start } = useText();
  const roomId = useSelector(actor, ({ context }) => context.roomId);
  const isElsewhere = useStore(tabs.elsewhere) !== undefined;
  const isGone = useSelector(actor, ({ context }) => context.notice === 'roomNotFound');
  const enter = useEnter();
  const submitButton = useRef<HTMLButtonElement>(null);
  const entering = useRef<HTMLDivElement>(null);
  const wasEntering = useRef(isEntering);
  useEffect(() => {
    // The button that was pressed is gone, or inert: the keyboard goes on with what took its place.
    const focused = document.activeElement;
    const isLost = focused === document.body || focused?.closest('[inert]') != null;
    if (wasEntering.current !== isEntering && isLost) (submitButton.current ?? entering.current)?.focus();
    wasEntering.current = isEntering;
  }, [isEntering]);
  const create = () => enter({ type: 'create' });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isEntering) return;
    if (roomId === undefined) create();
    else enter({ type: 'join', roomId });
  };
  return (
    <div className="entrance">
      <Notice />
      {isElsewhere && !isEntering && <Elsewhere />}
      <form className="entrance-form" onSubmit={submit}>
        <NameField />
        {isEntering ? (
          <Entering ref={entering} />
        ) : (
          <button
            ref={submitButton}
            type="submit"
            className={isGone || isElsewhere ? 'button large' : 'button primary large'}
          >
            {roomId === undefined ? start.create : start.join}
          </button>
        )}
      </form>
      <div className="entrance-else" inert={isEntering}>
        {roomId === undefined ? (
          <>
            <p className="divider">{start.or}</p>
            <JoinForm />
          </>
        ) : (
          <p className="entrance-own">
            {start.ownRoom}{' '}
            <button type="button" className="link" onClick={create}>
              {start.create}
            </button>
          </p>
        )}
      </div>
    </div>
  );
}

/** Entering does not wait for the microphone: the others hear it as soon as it is allowed. */
function useEnter(): (entrance: Way) => void {
  const { actor, media } = useServices();
  return (entrance) => {
    if (!media.isMuted.get()) void media.unmute();
    actor.send({ type: 'enter', entrance });
  };
}

function Entering({ ref }: { readonly ref: Ref<HTMLDivElement> }) {
  const { actor } = useServices();
  const { start } = useText();
  const isFull = useSelector(actor, ({ context }) => context.notice === 'roomFull');
  return (
    <div ref={ref} className="entering" tabIndex={-1}>
      <p>
        <LoaderCircle className="spinning" aria-hidden="true" /> {isFull ? start.waiting : start.entering}
      </p>
      <button
        type="button"
        className="button"
        // The second click of a double one was meant for the button that was here before.
        onClick={({ detail }) => detail < 2 && actor.send({ type: 'leave' })}
      >
        {start.cancel}
      </button>
    </div>
  );
}

/** Another tab of this browser is in the room of the link. */
function Elsewhere() {
  const { tabs, goOn } = useServices();
  const { start } = useText();
  const roomId = useStore(tabs.elsewhere);
  const move = async (): Promise<void> => {
    const kept = roomId && (await tabs.take(roomId));
    if (kept) goOn(kept);
  };
  return (
    <div className="notice">
      <p>{start.elsewhere}</p>
      <button type="button" className="button primary" onClick={move}>
        {start.move}
      </button>
    </div>
  );
}

/** Why the entrance is shown again, and what can be done about it. */
function Notice() {
  const { actor } = useServices();
  const text = useText();
  const enter = useEnter();
  const { notice, roomId } = useSelector(actor, ({ context }) => context);
  if (notice === undefined || text.notices[notice] === '') return null;
  return (
    <div className="notice" role="alert">
      <p>{text.notices[notice]}</p>
      {notice === 'roomNotFound' && roomId !== undefined && (
        <button
          type="button"
          className="button primary"
          onClick={() => enter({ type: 'join', roomId, createIfMissing: true })}
        >
          {text.start.reopen}
        </button>
      )}
    </div>
  );
}

function JoinForm() {
  const { start } = useText();
  const enter = useEnter();
  const id = useId();
  const [link, setLink] = useState('');
  const [problem, setProblem] = useState('');
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const roomId = roomIdIn(link);
    if (roomId !== undefined) enter({ type: 'join', roomId });
    else setProblem(link.trim() === '' ? start.linkMissing : start.linkBad);
  };
  return (
    <form className="join" onSubmit={submit} noValidate>
      <div className="field">
        <label htmlFor={id}>{start.link}</label>
        <div className="field-row">
          <input
            id={id}
            value={link}
            onChange={({ target }) => {
              setLink(target.value);
              setProblem('');
            }}
            placeholder={start.linkPlaceholder}
            inputMode="url"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            aria-invalid={problem !== ''}
            aria-describedby={problem === '' ? undefined : `${id}-problem`}
          />
          <button type="submit" className="button">
            {start.join}
          </button>
        </div>
        <p id={`${id}-problem`} className="problem" aria-live="polite">
          {problem}
        </p>
      </div>
    </form>
  );
}
