import { recall, remember } from '../preferences.ts';
import { Store } from '../store.ts';
import { Source } from './source.ts';
import { InsecureError, type Trouble } from './trouble.ts';

export type DeviceKind = 'microphone' | 'camera';

/** What a mesh of eight can carry: each camera is encoded seven times. */
const CAMERA = { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 24, max: 30 } };
const VOICE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const SCREEN = { frameRate: { ideal: 15, max: 30 } };

/** What this browser captures. */
export class LocalMedia {
  /** When it is unplugged, another takes its place. */
  readonly microphone = new Source(
    (deviceId) => captureDevice({ audio: { ...VOICE, ...exactly(deviceId) } }),
    (microphone) => void microphone.open(),
  );
  /** When it is unplugged, its user is told, and no other is turned on: nobody has asked to be seen by that. */
  readonly camera = new Source(
    (deviceId) => captureDevice({ video: { ...CAMERA, ...exactly(deviceId) } }),
    () => {},
  );
  /** Who stops it in the browser's own bar has stopped it. */
  readonly screen = new Source(captureScreen, (screen) => screen.close());
  /** Whether its user wants not to be heard; true of an open microphone as of one that is not. */
  readonly isMuted = new Store(false);
  /** Whether everything was closed once: opened again only when its user asks. */
  wasClosed = false;

  constructor() {
    const obey = () => {
      for (const track of this.microphone.stream.getTracks()) track.enabled = !this.isMuted.get();
    };
    this.isMuted.subscribe(obey);
    this.microphone.state.subscribe(obey);
  }

  /** Opens the device used last, if it is there, or the browser's choice. */
  open(kind: DeviceKind): Promise<Trouble | undefined> {
    return this[kind].open(recall(kind));
  }

  /** Changes to a device, in a call too, and remembers it; empty: the browser's choice. */
  async choose(kind: DeviceKind, deviceId: string): Promise<Trouble | undefined> {
    remember(kind, deviceId);
    return this[kind].isOn ? this[kind].open(deviceId) : undefined;
  }

  /** Speaks, or at least tries to. */
  async unmute(): Promise<void> {
    this.isMuted.set(false);
    if (!this.microphone.isOn) await this.open('microphone');
  }

  mute(): void {
    this.isMuted.set(true);
  }

  /** Captures nothing any more. */
  close(): void {
    this.wasClosed = true;
    for (const source of [this.microphone, this.camera, this.screen]) source.close();
  }
}

/** Phones have no way to capture their screen, even where the method is there. */
export function canShareScreen({
  mediaDevices,
  userAgent,
}: {
  readonly mediaDevices?: Partial<MediaDevices> | undefined;
  readonly userAgent: string;
}): boolean {
  return mediaDevices?.getDisplayMedia !== undefined && !/Android|iPhone|iPad|Mobile/.test(userAgent);
}

/** Whether getUserMedia would ask: opened without asking, a microphone surprises nobody. */
export async function isAllowed(kind: DeviceKind): Promise<boolean> {
  try {
    const { state } = await navigator.permissions.query({ name: kind as PermissionName });
    return state === 'granted';
  } catch {
    return false; // a browser that does not tell
  }
}

function exactly(deviceId: string): MediaTrackConstraints {
  return deviceId === '' ? {} : { deviceId: { exact: deviceId } };
}

async function captureDevice(constraints: MediaStreamConstraints): Promise<MediaStream> {
  const devices = devicesOrThrow();
  try {
    return await devices.getUserMedia(constraints);
  } catch (error) {
    // The device remembered is not plugged in: any other will do.
    if ((error as DOMException).name !== 'OverconstrainedError') throw error;
    return devices.getUserMedia(withoutDevice(constraints));
  }
}

async function captureScreen(): Promise<MediaStream> {
  const stream = await devicesOrThrow()
    .getDisplayMedia({
      video: SCREEN,
      audio: true,
      // A tab's sound, not the whole system's: that has the others' voices in it.
      ...{ systemAudio: 'exclude' }, // not in the DOM types yet
    })
    .catch((error: DOMException) => {
      // To close the picker is to refuse, to the browser; only a refusal by the system is trouble.
      const isCancelled = error.name === 'NotAllowedError' && !/system/i.test(error.message);
      throw isCancelled ? new DOMException(error.message, 'AbortError') : error;
    });
  for (const track of stream.getVideoTracks()) track.contentHint = 'detail'; // text stays sharp, motion may not
  return stream;
}

function devicesOrThrow(): MediaDevices {
  // Undefined on pages from plain http, whatever its type says.
  if (navigator.mediaDevices === undefined) throw new InsecureError();
  return navigator.mediaDevices;
}

function withoutDevice({ audio, video }: MediaStreamConstraints): MediaStreamConstraints {
  const without = (constraints: MediaTrackConstraints) => ({ ...constraints, deviceId: undefined as never });
  return {
    ...(typeof audio === 'object' && { audio: without(audio) }),
    ...(typeof video === 'object' && { video: without(video) }),
  };
}
