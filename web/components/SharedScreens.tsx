import { Maximize2, ScreenShare } from 'lucide-react';
import { useRef } from 'react';
import { screenKey } from '../call/arrange.ts';
import { nameOf, type Person } from '../call/people.ts';
import { useText } from '../i18n/language.tsx';
import type { Placing } from './placing.ts';
import { Video } from './Video.tsx';

/** Every screen that others share. */
export function SharedScreens({
  people,
  placing,
}: {
  readonly people: readonly Person[];
  readonly placing: Placing;
}) {
  const { participants } = useText();
  const sharing = people.filter(({ isSelf, screen }) => !isSelf && screen !== undefined);
  if (sharing.length === 0) return null;
  return (
    <section className="screens" aria-label={participants.screens}>
      {sharing.map((person) => (
        <SharedScreen key={person.key} person={person} placing={placing} />
      ))}
    </section>
  );
}

function SharedScreen({ person, placing }: { readonly person: Person; readonly placing: Placing }) {
  const text = useText();
  const { participants } = text;
  const video = useRef<HTMLVideoElement>(null);
  const key = screenKey(person);
  const name = nameOf(person, text);
  return (
    <figure className="screen" style={placing.style(key)} data-role={placing.role(key)}>
      <Video ref={video} track={person.screen} label={participants.screenOf(name)} />
      {placing.canChoose && (
        <button
          type="button"
          className="enlarge"
          aria-label={participants.enlargeScreen(name)}
          aria-pressed={placing.isChosen(key)}
          onClick={() => placing.choose(key)}
        />
      )}
      <figcaption>
        <span className="screen-caption">{participants.screenOf(name)}</span>
        {document.fullscreenEnabled && (
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

/** Our own screen, as a small picture: shown large, it would show itself. */
export function OwnScreen({ people }: { readonly people: readonly Person[] }) {
  const { participants } = useText();
  const screen = people.find(({ isSelf }) => isSelf)?.screen;
  if (screen === undefined) return null;
  return (
    <div className="own-screen">
      <ScreenShare aria-hidden="true" />
      <p>{participants.ownScreen}</p>
      <Video track={screen} label={participants.ownScreen} />
    </div>
  );
}
