import { Mic } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { hueOf } from '../call/initials.ts';
import { nameIn } from '../call/messages.ts';
import { useText } from '../i18n/language.tsx';
import { isAllowed } from '../media/local-media.ts';
import { useServices } from '../services.ts';
import { useStore } from '../store.ts';
import { Avatar } from './Avatar.tsx';
import { DeviceSettings } from './DeviceSettings.tsx';
import { LevelMeter } from './LevelMeter.tsx';
import { CameraButton, MicrophoneButton } from './MediaControls.tsx';
import { Video } from './Video.tsx';

/** How the user will look and sound. The browser asks for no device until the user wants one. */
export function Preview() {
  const { media } = useServices();
  const text = useText();
  const isMuted = useStore(media.isMuted);
  const hasFailed = useStore(media.microphone.state).status === 'failed';
  return (
    <section className="preview" aria-label={text.preview.label}>
      <div className="preview-picture">
        <Picture />
        <div className="preview-buttons">
          <MicrophoneButton isOn={!isMuted && !hasFailed} />
          <CameraButton />
        </div>
      </div>
      <Microphone />
      <details className="devices">
        <summary>{text.settings.devices}</summary>
        <DeviceSettings />
      </details>
    </section>
  );
}

function Picture() {
  const { media, name } = useServices();
  const text = useText();
  const camera = useStore(media.camera.state);
  const ownName = nameIn(useStore(name));
  if (camera.status === 'live') {
    return <Video track={camera.tracks[0]} label={text.preview.label} isMirrored />;
  }
  return (
    <div className="preview-off" data-hue={hueOf(ownName)}>
      <Avatar name={ownName} />
      <p>{camera.status === 'opening' ? text.preview.cameraOpening : text.preview.cameraOff}</p>
    </div>
  );
}

function Microphone() {
  const { media } = useServices();
  const { preview, settings } = useText();
  const microphone = useStore(media.microphone.state);
  const isMuted = useStore(media.isMuted);
  useEffect(() => {
    // Somebody who has just left does not want to be captured again.
    const isAtBeginning = media.microphone.state.get().status === 'off' && !media.wasClosed;
    if (!isAtBeginning || media.isMuted.get()) return;
    isAllowed('microphone').then((isAllowed) => {
      if (isAllowed && !media.microphone.isOn) void media.open('microphone');
    });
  }, [media]);
  const area = useRef<HTMLElement>(null);
  const check = (): void => {
    area.current?.focus(); // the button makes way for the answer
    void media.unmute();
  };
  if (isMuted) return <p className="preview-microphone">{preview.muted}</p>;
  return (
    <section
      className="preview-microphone"
      ref={area}
      tabIndex={-1}
      aria-label={settings.microphone}
      aria-live="polite"
    >
      {microphone.status === 'live' ? (
        <>
          <Mic aria-hidden="true" />
          <LevelMeter track={microphone.tracks[0] as MediaStreamTrack} />
        </>
      ) : microphone.status === 'opening' ? (
        <p>{preview.checking}</p>
      ) : (
        <button type="button" className="button" onClick={check}>
          <Mic aria-hidden="true" />
          {preview.check}
        </button>
      )}
    </section>
  );
}
