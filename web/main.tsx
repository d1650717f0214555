import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { createActor } from 'xstate';
import { App } from './App.tsx';
import { Call } from './call/call.ts';
import { destinationOf, linkTo, signalingUrl } from './call/invitation.ts';
import { forgetCall, type KeptCall, keepCall, recallCall, SESSION_KEY } from './call/kept.ts';
import { callMachine } from './call/machine.ts';
import { MAX_NAME_LENGTH } from './call/messages.ts';
import { Tabs } from './call/tabs.ts';
import { LanguageProvider } from './i18n/language.tsx';
import { LocalMedia } from './media/local-media.ts';
import { recall, remember } from './preferences.ts';
import { type Services, ServicesContext } from './services.ts';
import { Store } from './store.ts';
import './styles/index.css';

/** The page starts here: its services are made, and the address bar, the other tabs and the call are kept in step. */

/** So often the call is kept against a crash, which gives no warning. */
const KEEP_INTERVAL_MS = 5_000;
/** A reload by the keyboard comes this soon after the key. */
const RELOAD_KEY_MS = 1_000;

const storage = () => sessionStorage;
const kept = recallCall(storage, Date.now());
const media = new LocalMedia();
const name = new Store((kept?.name ?? recall('name')).slice(0, MAX_NAME_LENGTH));
name.subscribe(() => remember('name', name.get()));
const speaker = new Store(recall('speaker'));
speaker.subscribe(() => remember('speaker', speaker.get()));

const actor = createActor(callMachine, {
  input: {
    makeCall(kept) {
      const session = sessionFor(kept);
      return new Call(signalingUrl(location.href), media, name, session, kept);
    },
    ...destinationOf(location.href),
  },
}).start();

/** Where the SDK finds the session to go on with. A new call has none. Undefined where the browser gives no storage. */
function sessionFor(kept: KeptCall | undefined): Storage | undefined {
  try {
    if (kept === undefined) sessionStorage.removeItem(SESSION_KEY);
    else if (kept.session !== undefined) sessionStorage.setItem(SESSION_KEY, kept.session);
    return sessionStorage;
  } catch {
    return undefined;
  }
}

const isInRoom = () => actor.getSnapshot().matches({ call: 'inRoom' });

/** The state of the call we are in. */
function current(): KeptCall | undefined {
  const { roomId, call } = actor.getSnapshot().context;
  if (!isInRoom() || roomId === undefined || call === undefined) return undefined;
  return {
    roomId,
    name: name.get(),
    isMuted: media.isMuted.get(),
    hasCamera: media.camera.isOn,
    messages: call.chat.messages.get(),
    draft: call.chat.draft.get(),
    at: Date.now(),
  };
}

function keep(): void {
  const call = current();
  if (call !== undefined) keepCall(call, storage);
}

/** Goes on with a call: of this tab before it was reloaded, or of another tab. */
function goOn(kept: KeptCall): void {
  const { roomId } = kept;
  name.set(kept.name);
  if (kept.isMuted) media.mute();
  else void media.unmute();
  if (kept.hasCamera) void media.open('camera');
  actor.send({ type: 'enter', entrance: { type: 'join', roomId, createIfMissing: true }, kept });
}

const tabs = new Tabs(
  typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel('bloom'),
  () => {
    const call = current();
    if (call === undefined) return undefined;
    const session = actor.getSnapshot().context.call?.handOver();
    actor.send({ type: 'move' });
    return { ...call, ...(session !== undefined && { session }) };
  },
);

let wasInRoom = false;
actor.subscribe((snapshot) => {
  const { roomId } = snapshot.context;
  if (roomId !== undefined && destinationOf(location.href).roomId !== roomId) {
    history.pushState(null, '', linkTo(roomId, location.href));
  }
  tabs.update(roomId, isInRoom() ? roomId : undefined);
  if (isInRoom()) keep();
  else if (wasInRoom) forgetCall(storage);
  wasInRoom = isInRoom();
});
tabs.update(destinationOf(location.href).roomId, undefined);
setInterval(keep, KEEP_INTERVAL_MS);

for (const type of ['popstate', 'hashchange']) {
  addEventListener(type, () => actor.send({ type: 'navigate', ...destinationOf(location.href) }));
}
let reloadKeyAt = Number.NEGATIVE_INFINITY;
addEventListener('keydown', ({ key, ctrlKey, metaKey }) => {
  const isReload = key === 'F5' || (key.toLowerCase() === 'r' && (ctrlKey || metaKey));
  if (isReload) reloadKeyAt = performance.now();
});
// The browser asks before it closes the tab or leaves the page. A reload goes on with the call, and needs no question.
addEventListener('beforeunload', (event) => {
  if (isInRoom() && performance.now() - reloadKeyAt > RELOAD_KEY_MS) event.preventDefault();
});
// The SDK tells the server that the page may come back.
addEventListener('pagehide', keep);
// A page from the browser's cache has lost its connections.
addEventListener('pageshow', ({ persisted }) => persisted && location.reload());

/** A copy of the tab has the same storage: the tab that is in the call stays in it. */
async function returnToCall(): Promise<void> {
  if (kept === undefined || kept.roomId !== destinationOf(location.href).roomId) return;
  if (await tabs.isElsewhere()) forgetCall(storage);
  else if (actor.getSnapshot().matches('lobby')) goOn(kept);
}

await returnToCall();
const services: Services = { actor, media, name, speaker, tabs, goOn };
createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <ServicesContext value={services}>
      <LanguageProvider>
        <App />
      </LanguageProvider>
    </ServicesContext>
  </StrictMode>,
);
