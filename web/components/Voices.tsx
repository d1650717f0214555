import { Volume2 } from 'lucide-react';
import { useCallback, useEffect, useRef, useState } from 'react';
import type { Person } from '../call/people.ts';
import { useText } from '../i18n/language.tsx';
import { useServices } from '../services.ts';
import { useStore } from '../store.ts';

/** Everything that is heard. Where the browser holds it back, a button lets it go. */
export function Voices({ people }: { readonly people: readonly Person[] }) {
  const { participants } = useText();
  const [isHeldBack, setHeldBack] = useState(false);
  const voices = useRef<HTMLDivElement>(null);
  const refused = useCallback(() => setHeldBack(true), []);
  const play = () => {
    for (const audio of voices.current?.querySelectorAll('audio') ?? []) audio.play().catch(() => {});
    setHeldBack(false);
  };
  return (
    <>
      <div ref={voices} hidden>
        {people.flatMap(({ key, voices }) =>
          voices.map((track) => <Voice key={`${key} ${track.id}`} track={track} refused={refused} />),
        )}
      </div>
      {isHeldBack && (
        <div className="notice">
          <p>{participants.soundLead}</p>
          <button type="button" className="button primary" onClick={play}>
            <Volume2 aria-hidden="true" />
            {participants.sound}
          </button>
        </div>
      )}
    </>
  );
}

function Voice({ track, refused }: { readonly track: MediaStreamTrack; refused(): void }) {
  const { speaker } = useServices();
  const deviceId = useStore(speaker);
  const audio = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    const element = audio.current;
    if (element === null) return;
    element.srcObject = new MediaStream([track]);
    element.play().catch(({ name }: DOMException) => name === 'NotAllowedError' && refused());
    return () => {
      element.srcObject = null;
    };
  }, [track, refused]);
  useEffect(() => {
    // Where it cannot be chosen there is only the system's; where the device has gone, too.
    audio.current?.setSinkId?.(deviceId).catch(() => {});
  }, [deviceId]);
  // biome-ignore lint/a11y/useMediaCaption: nobody writes captions of a live voice
  return <audio ref={audio} autoPlay />;
}
