import { useEffect, useEffectEvent, useRef, useState } from 'react';
import { announcementsBetween } from '../call/announcements.ts';
import type { Call } from '../call/call.ts';
import { nameOf } from '../call/people.ts';
import { useText } from '../i18n/language.tsx';
import { useServices } from '../services.ts';
import { useChanges } from '../store.ts';

interface Caption {
  readonly key: number;
  readonly text: string;
}

const SHOWN_MS = 6000;
/** The page shows the last caption. A screen reader reads all of them. */
const MAX_CAPTIONS = 3;
const MAX_MESSAGE_LENGTH = 80;

/** Shows what happens in words, for some seconds. It has its own line and covers nothing. */
export function Captions({ call, isChatOpen }: { readonly call: Call; readonly isChatOpen: boolean }) {
  const { media } = useServices();
  const text = useText();
  const { announcements, captions: lines } = text;
  const [captions, say] = useCaptions();

  const sayEntered = useEffectEvent(() => say(lines.entered));
  useEffect(() => sayEntered(), []);
  useChanges(call.people.list, (before, after) => {
    for (const { type, person } of announcementsBetween(before, after)) {
      say(announcements[type](nameOf(person, text)));
    }
  });
  useChanges(call.chat.messages, (before, after) => {
    if (isChatOpen) return; // screen readers read the open log
    for (const message of after) {
      if (message.isOwn || before.includes(message)) continue;
      const line = message.text.replace(/\s+/g, ' ');
      const short = line.length > MAX_MESSAGE_LENGTH ? `${line.slice(0, MAX_MESSAGE_LENGTH)}…` : line;
      say(lines.message(nameOf(message, text), short));
    }
  });
  useChanges(media.screen.state, (before, after) => {
    if (after.status === 'live') say(lines.sharing);
    else if (before.status === 'live') say(lines.sharingEnded);
  });

  return (
    <div className="captions" aria-live="polite">
      {captions.map(({ key, text }) => (
        <p key={key}>{text}</p>
      ))}
    </div>
  );
}

/** The current captions, and a function that adds one. */
function useCaptions(): [readonly Caption[], (text: string) => void] {
  const [captions, setCaptions] = useState<readonly Caption[]>([]);
  const count = useRef(0);
  const say = (text: string): void => {
    count.current += 1;
    const caption = { key: count.current, text };
    setCaptions((captions) => [...captions, caption].slice(-MAX_CAPTIONS));
    setTimeout(() => setCaptions((captions) => captions.filter((each) => each !== caption)), SHOWN_MS);
  };
  return [captions, say];
}
