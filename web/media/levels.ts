import { useEffect, useState } from 'react';

/**
 * How loud audio is, from 0 (silence, or -60 dB) to 1 (full scale), as ears count. Our own is read by Web Audio; others'
 * come with the level in each packet, which costs nothing to read.
 */

const INTERVAL_MS = 100;
/** Speech is above it, a quiet room below. */
const SPEAKING_LEVEL = 0.25;
/** Pauses between words are no silence. */
const SILENCE_MS = 600;
const FLOOR_DB = -60;

type Listener = (level: number) => void;

let context: AudioContext | undefined;
const gestures = ['pointerdown', 'keydown'] as const;

/** Browsers let a page make use of audio only after its user has done something. */
function contextAfterGesture(use: (context: AudioContext) => void): () => void {
  const start = (): void => {
    stop();
    context ??= new AudioContext();
    if (context.state === 'suspended') context.resume().catch(() => {});
    use(context);
  };
  const stop = () => {
    for (const gesture of gestures) removeEventListener(gesture, start, true);
  };
  if (context !== undefined || navigator.userActivation?.hasBeenActive) start();
  else for (const gesture of gestures) addEventListener(gesture, start, true);
  return stop;
}

/** Calls `listener` with the level of a track several times a second, until the function returned is called. */
export function watchLevel(track: MediaStreamTrack, listener: Listener): () => void {
  let source: MediaStreamAudioSourceNode | undefined;
  let timer: ReturnType<typeof setInterval> | undefined;
  const cancel = contextAfterGesture((context) => {
    source = context.createMediaStreamSource(new MediaStream([track]));
    const analyser = context.createAnalyser();
    analyser.fftSize = 1024;
    source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      listener(levelOf(rootMeanSquare(samples)));
    }, INTERVAL_MS);
  });
  return () => {
    cancel();
    clearInterval(timer);
    source?.disconnect();
  };
}

/** The same of what a connection receives. */
export function watchReceived(
  connection: RTCPeerConnection,
  track: MediaStreamTrack,
  listener: Listener,
): () => void {
  const timer = setInterval(() => {
    const receiver = connection.getReceivers().find((each) => each.track === track);
    const [source] = receiver?.getSynchronizationSources() ?? [];
    listener(levelOf(source?.audioLevel ?? 0));
  }, INTERVAL_MS);
  return () => clearInterval(timer);
}

/** Of a linear level, where 1 is full scale. */
export function levelOf(linear: number): number {
  return Math.min(1, Math.max(0, 1 - (20 * Math.log10(linear)) / FLOOR_DB));
}

function rootMeanSquare(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.sqrt(sum / samples.length);
}

/** Whether somebody speaks: at once, and until they have been silent for a while. Without `connection`: ourselves. */
export function useSpeaking(
  track: MediaStreamTrack | undefined,
  connection: RTCPeerConnection | undefined,
): boolean {
  const [isSpeaking, setSpeaking] = useState(false);
  useEffect(() => {
    if (track === undefined) return;
    let heardAt = Number.NEGATIVE_INFINITY;
    const heard = (level: number): void => {
      const now = performance.now();
      if (level > SPEAKING_LEVEL) heardAt = now;
      setSpeaking(now - heardAt < SILENCE_MS);
    };
    const stop =
      connection === undefined ? watchLevel(track, heard) : watchReceived(connection, track, heard);
    return () => {
      stop();
      setSpeaking(false);
    };
  }, [track, connection]);
  return isSpeaking;
}
