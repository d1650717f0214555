import { MicOff } from 'lucide-react';
import { passes } from '../call/announcements.ts';
import type { Call } from '../call/call.ts';
import { nameOf, type Person } from '../call/people.ts';
import type { Quality } from '../call/quality.ts';
import { useText } from '../i18n/language.tsx';
import { useSpeaking } from '../media/levels.ts';
import { useStore } from '../store.ts';
import { Avatar } from './Avatar.tsx';
import type { Placing } from './placing.ts';
import { Video } from './Video.tsx';

/** Everybody in the room, one tile each. */
export function ParticipantsList({
  call,
  people,
  placing,
}: {
  readonly call: Call;
  readonly people: readonly Person[];
  readonly placing: Placing;
}) {
  const { participants } = useText();
  const statistics = useStore(call.statistics.byPeer);
  return (
    // biome-ignore lint/a11y/noRedundantRoles: Safari takes the role from a list without bullets
    <ul className="participants" role="list" aria-label={participants.label}>
      {people.map((person) => (
        <Participant
          key={person.key}
          person={person}
          quality={(person.peer && statistics.get(person.peer)?.quality) ?? 'good'}
          placing={placing}
        />
      ))}
    </ul>
  );
}

function Participant({
  person,
  quality,
  placing,
}: {
  readonly person: Person;
  readonly quality: Quality;
  readonly placing: Placing;
}) {
  const text = useText();
  const { participants } = text;
  const { key, hue, isSelf, isMuted, state, camera, microphone } = person;
  const isHeard = !isMuted && passes(state);
  const isSpeaking = useSpeaking(isHeard ? microphone : undefined, person.peer?.connection);
  const name = nameOf(person, text);
  return (
    <li
      className="participant"
      style={placing.style(key)}
      data-role={placing.role(key)}
      data-hue={hue}
      data-speaking={isSpeaking}
      data-passes={passes(state)}
      data-quality={quality}
    >
      {camera === undefined ? (
        <Avatar name={person.name} />
      ) : (
        <Video
          track={camera}
          label={participants.cameraOf(name)}
          isMirrored={isSelf}
          onRatio={(ratio) => placing.setRatio(key, ratio)}
        />
      )}
      {placing.canChoose && (
        <button
          type="button"
          className="enlarge"
          aria-label={participants.enlarge(name)}
          aria-pressed={placing.isChosen(key)}
          onClick={() => placing.choose(key)}
        />
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
      {state !== 'connected' || person.reason !== undefined ? (
        <p className="participant-state" title={person.reason && text.reasons[person.reason]}>
          <span className="participant-state-text">
            {state === 'connected' ? participants.troubled : participants.states[state]}
          </span>
        </p>
      ) : (
        quality !== 'good' && (
          <p className="participant-state">
            <span className="signal-bars" aria-hidden="true" />
            <span className="participant-state-text">{participants.qualities[quality]}</span>
          </p>
        )
      )}
    </li>
  );
}
