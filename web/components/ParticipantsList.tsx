import { MicOff } from 'lucide-react';
import { passes } from '../call/happenings.ts';
import { hueOf } from '../call/initials.ts';
import { nameOf, type Person } from '../call/people.ts';
import { useText } from '../i18n/language.tsx';
import { useSpeaking } from '../media/levels.ts';
import { Avatar } from './Avatar.tsx';
import { Video } from './Video.tsx';

/** Everybody in the room, one tile each. */
export function ParticipantsList({ people }: { readonly people: readonly Person[] }) {
  const { participants } = useText();
  return (
    // biome-ignore lint/a11y/noRedundantRoles: Safari takes the role from a list without bullets
    <ul className="participants" role="list" aria-label={participants.label} data-count={people.length}>
      {people.map((person) => (
        <Participant key={person.key} person={person} />
      ))}
    </ul>
  );
}

function Participant({ person }: { readonly person: Person }) {
  const { participants } = useText();
  const text = useText();
  const { isSelf, isMuted, state, camera, microphone } = person;
  const isHeard = !isMuted && passes(state);
  const isSpeaking = useSpeaking(isHeard ? microphone : undefined, person.peer?.connection);
  const name = nameOf(person, text);
  return (
    <li
      className="participant"
      data-hue={hueOf(person.name || person.key)}
      data-speaking={isSpeaking}
      data-passes={passes(state)}
    >
      {camera === undefined ? (
        <Avatar name={person.name} />
      ) : (
        <Video track={camera} label={participants.cameraOf(name)} isMirrored={isSelf} />
      )}
      <p className="participant-name">
        {isMuted && (
          <>
            <MicOff aria-hidden="true" />
            <span className="hidden">{participants.muted}, </span>
          </>
        )}
        {isSpeaking && (
          <>
            <span className="speaking-bars" aria-hidden="true" />
            <span className="hidden">{participants.speaking}, </span>
          </>
        )}
        <bdi className="participant-name-text">{name}</bdi>
        {isSelf && <span className="participant-you"> ({participants.you})</span>}
      </p>
      {state !== 'connected' && <p className="participant-state">{participants.states[state]}</p>}
    </li>
  );
}
