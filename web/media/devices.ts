import { useEffect, useState } from 'react';

export interface Devices {
  readonly microphones: readonly MediaDeviceInfo[];
  readonly cameras: readonly MediaDeviceInfo[];
  /** Empty where the browser gives no choice. */
  readonly speakers: readonly MediaDeviceInfo[];
}

const NONE: Devices = { microphones: [], cameras: [], speakers: [] };

export const canChooseSpeaker = 'setSinkId' in HTMLMediaElement.prototype;

/** The devices plugged in. `key` asks again when it changes: labels come with the permission. */
export function useDevices(key: unknown): Devices {
  const [devices, setDevices] = useState(NONE);
  // biome-ignore lint/correctness/useExhaustiveDependencies: that is what the key is for
  useEffect(() => {
    const { mediaDevices } = navigator;
    if (mediaDevices === undefined) return;
    let isCurrent = true;
    const list = async (): Promise<void> => {
      const all = await mediaDevices.enumerateDevices();
      // Until permission is given devices have neither label nor id: nothing to choose by.
      const of = (kind: MediaDeviceKind) =>
        all.filter((device) => device.kind === kind && device.deviceId !== '');
      if (!isCurrent) return;
      setDevices({
        microphones: of('audioinput'),
        cameras: of('videoinput'),
        speakers: canChooseSpeaker ? of('audiooutput') : [],
      });
    };
    list().catch(() => {});
    mediaDevices.addEventListener('devicechange', list);
    return () => {
      isCurrent = false;
      mediaDevices.removeEventListener('devicechange', list);
    };
  }, [key]);
  return devices;
}
