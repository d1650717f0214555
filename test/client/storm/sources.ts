import type { Kind } from './schedule.ts';

/**
 * Runs in a page. What a storm sends can be recognised at the other end: a video shows one colour, a sound is one
 * tone. `content` is the number of that colour or tone, counted over all of a storm.
 */

const COLOURS = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [255, 255, 0],
  [255, 0, 255],
  [0, 255, 255],
] as const;
const TONES = [500, 800, 1100, 1400, 1700, 2000] as const;

/** The number that can be told at the other end. */
export const recognisable = (content: number) => content % COLOURS.length;

const FRAME_MS = 125;

let context: AudioContext | undefined;
function audio(): AudioContext {
  context ??= new AudioContext();
  void context.resume();
  return context;
}

export function makeTrack(kind: Kind, content: number): MediaStreamTrack {
  return kind === 'video' ? makeVideo(content) : makeAudio(content);
}

function makeVideo(content: number): MediaStreamTrack {
  const canvas = document.createElement('canvas');
  canvas.width = 160;
  canvas.height = 120;
  const pen = canvas.getContext('2d') as CanvasRenderingContext2D;
  let frames = 0;
  const draw = () => {
    frames += 1;
    const [red, green, blue] = COLOURS[recognisable(content)] as readonly [number, number, number];
    pen.fillStyle = `rgb(${red}, ${green}, ${blue})`;
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = frames % 2 === 0 ? 'black' : 'white'; // A canvas that does not change sends no frames.
    pen.fillRect(0, 0, 4, 4);
  };
  draw();
  const [track] = canvas.captureStream(1000 / FRAME_MS).getVideoTracks() as [MediaStreamTrack];
  const timer = setInterval(() => {
    if (track.readyState === 'ended') clearInterval(timer);
    else draw();
  }, FRAME_MS);
  return track;
}

function makeAudio(content: number): MediaStreamTrack {
  const tone = audio().createOscillator();
  tone.frequency.value = TONES[recognisable(content)] as number;
  const destination = audio().createMediaStreamDestination();
  tone.connect(destination);
  tone.start();
  return destination.stream.getAudioTracks()[0] as MediaStreamTrack;
}

/** Tells what a received track shows or sounds like. */
export interface Receiver {
  /** Its number, or in words what there is instead. */
  readonly content: () => Promise<number | string>;
  readonly end: () => void;
}

export function receive(track: MediaStreamTrack): Receiver {
  return track.kind === 'video' ? watch(track) : listen(track);
}

function watch(track: MediaStreamTrack): Receiver {
  const video = document.createElement('video');
  video.muted = true;
  video.srcObject = new MediaStream([track]);
  void video.play().catch(() => {});
  const canvas = document.createElement('canvas');
  canvas.width = 8;
  canvas.height = 8;
  const pen = canvas.getContext('2d', { willReadFrequently: true }) as CanvasRenderingContext2D;
  return {
    content: async () => {
      if (video.videoWidth === 0) return 'no-picture';
      pen.drawImage(video, 0, 0, canvas.width, canvas.height);
      const [red = 0, green = 0, blue = 0] = pen.getImageData(5, 5, 1, 1).data;
      const found = COLOURS.findIndex((colour) =>
        [red, green, blue].every((value, i) => Math.abs(value - (colour[i] as number)) < 90),
      );
      return found === -1 ? `rgb(${red},${green},${blue})` : found;
    },
    end: () => {
      video.srcObject = null;
    },
  };
}

function listen(track: MediaStreamTrack): Receiver {
  const stream = new MediaStream([track]);
  const player = new Audio();
  player.muted = true;
  player.srcObject = stream; // Chromium gives Web Audio no sound of a remote track that no element plays.
  void player.play().catch(() => {});
  const source = audio().createMediaStreamSource(stream);
  const analyser = audio().createAnalyser();
  analyser.fftSize = 2048;
  analyser.smoothingTimeConstant = 0;
  source.connect(analyser);
  const loudness = new Float32Array(analyser.frequencyBinCount);
  const now = () => {
    analyser.getFloatFrequencyData(loudness);
    const loudest = loudness.reduce((best, value, i) => (value > (loudness[best] as number) ? i : best), 0);
    const decibels = Math.round(loudness[loudest] as number);
    if (decibels < -70) return `silence(${decibels}dB,${audio().state})`;
    const hertz = Math.round((loudest * audio().sampleRate) / analyser.fftSize);
    const found = TONES.findIndex((tone) => Math.abs(tone - hertz) < 100);
    return found === -1 ? `${hertz}Hz` : found;
  };
  return {
    content: async () => {
      // On a busy machine sound has gaps: one look may find silence.
      for (let look = 1; look < 10; look++) {
        const found = now();
        if (typeof found === 'number') return found;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return now();
    },
    end: () => {
      source.disconnect();
      player.srcObject = null;
    },
  };
}
