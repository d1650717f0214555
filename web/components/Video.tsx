import { type Ref, useEffect, useImperativeHandle, useRef } from 'react';

/** A video track, playing. Sound is played by Voices. */
export function Video({
  track,
  label,
  isMirrored = false,
  ref,
}: {
  readonly track: MediaStreamTrack | undefined;
  readonly label: string;
  /** As in a mirror, as people know themselves. */
  readonly isMirrored?: boolean;
  readonly ref?: Ref<HTMLVideoElement>;
}) {
  const video = useRef<HTMLVideoElement>(null);
  useImperativeHandle(ref, () => video.current as HTMLVideoElement);
  useEffect(() => {
    const element = video.current;
    if (element === null || track === undefined) return;
    element.srcObject = new MediaStream([track]);
    element.play().catch(() => {}); // refused when it is taken away at once
    return () => {
      element.srcObject = null;
    };
  }, [track]);
  return (
    <video
      ref={video}
      className={isMirrored ? 'video mirrored' : 'video'}
      aria-label={label}
      autoPlay
      playsInline
      muted
    />
  );
}
