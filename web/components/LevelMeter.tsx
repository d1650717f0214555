import { useEffect, useRef, useState } from 'react';
import { useText } from '../i18n/language.tsx';
import { watchLevel } from '../media/levels.ts';

/** A bar as long as the track is loud, and what to do to see it move. */
export function LevelMeter({ track }: { readonly track: MediaStreamTrack }) {
  const { preview } = useText();
  const meter = useRef<HTMLDivElement>(null);
  // Not before a click or a key: browsers give a page no audio to work with until then.
  const [isRunning, setRunning] = useState(false);
  useEffect(
    () =>
      watchLevel(track, (level) => {
        setRunning(true);
        if (meter.current === null) return;
        meter.current.ariaValueNow = level.toFixed(2);
        meter.current.style.setProperty('--level', String(level));
      }),
    [track],
  );
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: every browser draws a meter element its own way */}
      <div
        ref={meter}
        className="level"
        role="meter"
        aria-label={preview.level}
        aria-valuemin={0}
        aria-valuemax={1}
        aria-valuenow={0}
      />
      <p className="hint">{isRunning ? preview.speak : preview.click}</p>
    </>
  );
}
