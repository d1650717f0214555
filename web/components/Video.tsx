import { type Ref, useEffect, useImperativeHandle, useRef } from 'react';

/** A video track, playing. Sound is played by Voices. */
export function Video({
  track,
  label,
  isMirrored = false,
  onRatio,
  ref,
}: {
  readonly track: MediaStreamTrack | undefined;
  readonly label: string;
  /** As in a mirror, as people know themselves. */
  readonly isMirrored?: boolean;
  /** Called with width over height, when it is known and when it changes: a phone is turned. */
  onRatio?(ratio: number): void;
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
      onResize={({ currentTarget: { dataset, videoWidth, videoHeight } }) => {
        if (videoHeight === 0) return;
        dataset.upright = String(videoHeight > videoWidth);
        onRatio?.(videoWidth / videoHeight);
      }}
      autoPlay
      playsInline
      muted
    />
  );
}
