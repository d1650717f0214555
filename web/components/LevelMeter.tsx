import { useEffect, useRef } from 'react';
import { useText } from '../i18n/language.tsx';
import { watchLevel } from '../media/levels.ts';

/** A bar as long as the track is loud. */
export function LevelMeter({ track }: { readonly track: MediaStreamTrack }) {
  const text = useText();
  const meter = useRef<HTMLDivElement>(null);
  useEffect(
    () =>
      watchLevel(track, (level) => {
        if (meter.current === null) return;
        meter.current.ariaValueNow = level.toFixed(2);
        meter.current.style.setProperty('--level', String(level));
      }),
    [track],
  );
  return (
    // biome-ignore lint/a11y/useSemanticElements: every browser draws a meter element its own way
    <div
      ref={meter}
      className="level"
      role="meter"
      aria-label={text.preview.level}
      aria-valuemin={0}
      aria-valuemax={1}
      aria-valuenow={0}
    />
  );
}
