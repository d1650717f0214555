import {
  Activity,
  MessageSquare,
  Mic,
  MicOff,
  PhoneOff,
  ScreenShare,
  ScreenShareOff,
  SlidersHorizontal,
  Video,
  VideoOff,
} from 'lucide-react';
import { useText } from '../i18n/language.tsx';
import { canShareScreen } from '../media/local-media.ts';
import { useServices } from '../services.ts';
import { useStore } from '../store.ts';
import { ControlButton } from './ControlButton.tsx';
import type { PanelName } from './Panel.tsx';

/** The buttons of a call: microphone, camera, screen, panels, leave. */
export function MediaControls({
  panel,
  toggle,
  unread,
}: {
  readonly panel: PanelName | undefined;
  toggle(panel: PanelName): void;
  readonly unread: number;
}) {
  const { actor, media } = useServices();
  const { controls } = useText();
  const isMuted = useStore(media.isMuted);
  const microphone = useStore(media.microphone.state).status;
  return (
    <section className="controls" aria-label={controls.label}>
      <MicrophoneButton isOn={!isMuted && ['opening', 'live'].includes(microphone)} />
      <CameraButton />
      {canShareScreen(navigator) && <ScreenButton />}
      <span className="controls-gap" />
      <ControlButton
        icon={MessageSquare}
        label={unread > 0 ? controls.unread(unread) : controls.chat}
        short={controls.chat}
        isExpanded={panel === 'chat'}
        badge={unread > 0 && <span className="badge">{unread}</span>}
        onClick={() => toggle('chat')}
      />
      <ControlButton
        icon={Activity}
        label={controls.connection}
        short={controls.short.connection}
        isExpanded={panel === 'connection'}
        onClick={() => toggle('connection')}
      />
      <ControlButton
        icon={SlidersHorizontal}
        label={controls.settings}
        isExpanded={panel === 'settings'}
        onClick={() => toggle('settings')}
      />
      <span className="controls-gap" />
      <ControlButton
        icon={PhoneOff}
        label={controls.leave}
        tone="leave"
        onClick={() => actor.send({ type: 'leave' })}
      />
    </section>
  );
}

export function MicrophoneButton({ isOn }: { readonly isOn: boolean }) {
  const { media } = useServices();
  const { controls } = useText();
  return (
    <ControlButton
      icon={isOn ? Mic : MicOff}
      label={isOn ? controls.mute : controls.unmute}
      tone={isOn ? 'plain' : 'off'}
      onClick={() => (isOn ? media.mute() : media.unmute())}
    />
  );
}

export function CameraButton() {
  const { media } = useServices();
  const { controls } = useText();
  const { status } = useStore(media.camera.state);
  const isOn = status === 'opening' || status === 'live';
  return (
    <ControlButton
      icon={isOn ? Video : VideoOff}
      label={isOn ? controls.cameraOff : controls.cameraOn}
      short={controls.short.camera}
      tone={isOn ? 'plain' : 'off'}
      onClick={() => (isOn ? media.camera.close() : void media.open('camera'))}
    />
  );
}

function ScreenButton() {
  const { media } = useServices();
  const { controls } = useText();
  const { status } = useStore(media.screen.state);
  const isOn = status === 'live';
  return (
    <ControlButton
      icon={isOn ? ScreenShareOff : ScreenShare}
      label={isOn ? controls.unshare : controls.share}
      short={isOn ? controls.short.unshare : controls.short.share}
      tone={isOn ? 'on' : 'plain'}
      isDisabled={status === 'opening'}
      onClick={() => (isOn ? media.screen.close() : void media.screen.open())}
    />
  );
}
