import { useState } from 'react';
import type { Call } from '../call/call.ts';
import { useText } from '../i18n/language.tsx';
import { useStore } from '../store.ts';
import { Captions } from './Captions.tsx';
import { ChatPanel } from './ChatPanel.tsx';
import { ConnectionDetails } from './ConnectionDetails.tsx';
import { Invitation, useRoomLink } from './Invitation.tsx';
import { MediaControls } from './MediaControls.tsx';
import type { PanelName } from './Panel.tsx';
import { SettingsPanel } from './SettingsPanel.tsx';
import { OwnScreen } from './SharedScreens.tsx';
import { Tiles } from './Tiles.tsx';
import { Troubles } from './Troubles.tsx';
import { useWakeLock } from './useWakeLock.ts';
import { Voices } from './Voices.tsx';

/** A call. */
export function RoomView({ call }: { readonly call: Call }) {
  const text = useText();
  const people = useStore(call.people.list);
  const messages = useStore(call.chat.messages);
  const [panel, setPanel] = useState<PanelName>();
  const [readUpTo, setReadUpTo] = useState(messages.at(-1)?.key ?? 0);
  useWakeLock();
  const lastKey = messages.at(-1)?.key ?? 0;
  // While the chat is open everything is read as it comes.
  if (panel === 'chat' && readUpTo !== lastKey) setReadUpTo(lastKey);
  const unread = messages.filter(({ key, isOwn }) => !isOwn && key > readUpTo).length;
  const isAlone = people.length === 1;
  const close = () => setPanel(undefined);
  return (
    <div className="room" data-panel={panel !== undefined}>
      <main className="stage" tabIndex={-1}>
        <h1 className="hidden">{text.titleInRoom}</h1>
        <Troubles />
        <Voices people={people} />
        <OwnScreen people={people} />
        <Tiles call={call} people={people} />
        {isAlone && <Welcome />}
      </main>
      {panel === 'chat' && <ChatPanel chat={call.chat} isAlone={isAlone} close={close} />}
      {panel === 'connection' && <ConnectionDetails call={call} close={close} />}
      {panel === 'settings' && <SettingsPanel close={close} />}
      <Captions call={call} isChatOpen={panel === 'chat'} />
      <MediaControls
        panel={panel}
        toggle={(name) => setPanel(panel === name ? undefined : name)}
        unread={unread}
      />
    </div>
  );
}

/** For the first in the room: how others get in. */
function Welcome() {
  const { invitation } = useText();
  return (
    <div className="welcome">
      <h2>{invitation.heading}</h2>
      <p>{invitation.lead}</p>
      <input
        className="welcome-link"
        aria-label={invitation.label}
        value={useRoomLink()}
        readOnly
        onFocus={({ target }) => target.select()}
      />
      <Invitation isPrimary />
    </div>
  );
}
