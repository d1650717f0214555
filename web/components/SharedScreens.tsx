import { Maximize2 } from 'lucide-react';
import { useRef } from 'react';
import { nameOf, type Person } from '../call/people.ts';
import { useText } from '../i18n/language.tsx';
import { Video } from './Video.tsx';

/** Every screen that is shared, our own too, so that we see what others see. */
export function SharedScreens({ people }: { readonly people: readonly Person[] }) {
  const { participants } = useText();
  const sharing = people.filter(({ screen }) => screen !== undefined);
  if (sharing.length === 0) return null;
  return (
    <section className="screens" aria-label={participants.screens} data-count={sharing.length}>
      {sharing.map((person) => (
        <SharedScreen key={person.key} person={person} />
      ))}
    </section>
  );
}

function SharedScreen({ person }: { readonly person: Person }) {
  const text = useText();
  const { participants } = text;
  const video = useRef<HTMLVideoElement>(null);
  const caption = person.isSelf ? participants.ownScreen : participants.screenOf(nameOf(person, text));
  return (
    <figure className="screen">
      <Video ref={video} track={person.screen} label={caption} />
      <figcaption>
        <span>{caption}</span>
        {!person.isSelf && document.fullscreenEnabled && (
          <button
            type="button"
            className="button icon"
            onClick={() => video.current?.requestFullscreen().catch(() => {})}
          >
            <Maximize2 aria-hidden="true" />
            <span className="hidden">{participants.fullscreen}</span>
          </button>
        )}
      </figcaption>
    </figure>
  );
}
