import { useId, useState } from 'react';
import { useText } from '../i18n/language.tsx';
import { canChooseSpeaker, useDevices } from '../media/devices.ts';
import type { DeviceKind } from '../media/local-media.ts';
import type { Trouble } from '../media/trouble.ts';
import { recall } from '../preferences.ts';
import { useServices } from '../services.ts';
import { useStore } from '../store.ts';

/** Which microphone, camera and loudspeaker: changed at once, in a call too. */
export function DeviceSettings() {
  const { media, speaker } = useServices();
  const text = useText();
  const microphone = useStore(media.microphone.state);
  const camera = useStore(media.camera.state);
  const devices = useDevices(`${microphone.status} ${camera.status}`);
  const speakerId = useStore(speaker);
  const isNothingKnown = Object.values(devices).every((list) => list.length === 0);
  return (
    <div className="device-settings">
      {isNothingKnown && <p className="hint">{text.settings.noneYet}</p>}
      <CaptureSelect kind="microphone" devices={devices.microphones} />
      <CaptureSelect kind="camera" devices={devices.cameras} />
      {canChooseSpeaker && (
        <DeviceSelect
          label={text.settings.speaker}
          devices={devices.speakers}
          value={speakerId}
          choose={(deviceId) => speaker.set(deviceId)}
        />
      )}
    </div>
  );
}

function CaptureSelect({
  kind,
  devices,
}: {
  readonly kind: DeviceKind;
  readonly devices: readonly MediaDeviceInfo[];
}) {
  const { media } = useServices();
  const text = useText();
  const [chosen, setChosen] = useState(() => recall(kind));
  const [trouble, setTrouble] = useState<Trouble>();
  const choose = async (deviceId: string): Promise<void> => {
    setChosen(deviceId);
    setTrouble(await media.choose(kind, deviceId));
  };
  return (
    <>
      <DeviceSelect label={text.settings[kind]} devices={devices} value={chosen} choose={choose} />
      {trouble !== undefined && (
        <p className="problem" role="alert">
          {text.trouble[kind][trouble]}
        </p>
      )}
    </>
  );
}

function DeviceSelect({
  label,
  devices,
  value,
  choose,
}: {
  readonly label: string;
  readonly devices: readonly MediaDeviceInfo[];
  readonly value: string;
  choose(deviceId: string): void;
}) {
  const { settings } = useText();
  const id = useId();
  if (devices.length === 0) return null;
  // The one remembered may not be plugged in now.
  const shown = devices.some(({ deviceId }) => deviceId === value) ? value : '';
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} value={shown} onChange={({ target }) => choose(target.value)}>
        <option value="">{settings.systemDefault}</option>
        {devices
          .filter(({ deviceId }) => deviceId !== 'default')
          .map(({ deviceId, label }, i) => (
            <option key={deviceId} value={deviceId}>
              {label || settings.device(i + 1)}
            </option>
          ))}
      </select>
    </div>
  );
}
