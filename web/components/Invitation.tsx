import { useSelector } from '@xstate/react';
import { Check, Link, Share2 } from 'lucide-react';
import { useEffect, useState } from 'react';
import { linkTo } from '../call/invitation.ts';
import { useText } from '../i18n/language.tsx';
import { useServices } from '../services.ts';

const SHOWN_MS = 2500;

/** The link of the room we are in. */
export function useRoomLink(): string {
  const { actor } = useServices();
  const roomId = useSelector(actor, ({ context }) => context.roomId);
  return roomId === undefined ? '' : linkTo(roomId, location.href);
}

/** Gives the room's link away: to the clipboard, or to what the system shares with. */
export function Invitation({ isPrimary = false }: { readonly isPrimary?: boolean }) {
  const text = useText();
  const link = useRoomLink();
  const [outcome, setOutcome] = useState<'copied' | 'notCopied'>();
  useEffect(() => {
    if (outcome === undefined) return;
    const timer = setTimeout(() => setOutcome(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copy = async (): Promise<void> => setOutcome((await copied(link)) ? 'copied' : 'notCopied');
  const share = () =>
    navigator.share({ title: text.title, text: text.invitation.shareTitle, url: link }).catch(() => {});
  return (
    <div className="invitation-buttons">
      <span className="invitation-outcome" aria-live="polite">
        {outcome !== undefined && text.invitation[outcome]}
      </span>
      {navigator.share !== undefined && (
        <button type="button" className="button" onClick={share}>
          <Share2 aria-hidden="true" />
          <span className="button-text">{text.invitation.share}</span>
        </button>
      )}
      <button type="button" className={isPrimary ? 'button primary' : 'button'} onClick={copy}>
        {outcome === 'copied' ? <Check aria-hidden="true" /> : <Link aria-hidden="true" />}
        <span className="button-text">{text.invitation.copy}</span>
      </button>
    </div>
  );
}

async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedTheOldWay(text); // pages from plain http have no clipboard
  }
}

function copiedTheOldWay(text: string): boolean {
  const focused = document.activeElement;
  const field = document.createElement('textarea');
  field.value = text;
  field.className = 'hidden';
  document.body.append(field);
  field.select();
  try {
    return document.execCommand('copy');
  } finally {
    field.remove();
    if (focused instanceof HTMLElement) focused.focus();
  }
}
