import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { createActor } from 'xstate';
import { App } from './App.tsx';
import { Call } from './call/call.ts';
import { destinationOf, linkTo, signalingUrl } from './call/invitation.ts';
import { callMachine } from './call/machine.ts';
import { MAX_NAME_LENGTH } from './call/messages.ts';
import { LanguageProvider } from './i18n/language.tsx';
import { LocalMedia } from './media/local-media.ts';
import { recall, remember } from './preferences.ts';
import { type Services, ServicesContext } from './services.ts';
import { Store } from './store.ts';
import './styles/index.css';

/** The page begins: what there is one of is made here, and the address bar and the call are kept in step. */

const media = new LocalMedia();
const name = new Store(recall('name').slice(0, MAX_NAME_LENGTH));
name.subscribe(() => remember('name', name.get()));
const speaker = new Store(recall('speaker'));
speaker.subscribe(() => remember('speaker', speaker.get()));

const actor = createActor(callMachine, {
  input: {
    makeCall: () => new Call(signalingUrl(location.href), media, name),
    ...destinationOf(location.href),
  },
}).start();

actor.subscribe(({ context: { roomId } }) => {
  if (roomId === undefined || destinationOf(location.href).roomId === roomId) return;
  history.pushState(null, '', linkTo(roomId, location.href));
});
for (const type of ['popstate', 'hashchange']) {
  addEventListener(type, () => actor.send({ type: 'navigate', ...destinationOf(location.href) }));
}
// The others see at once that we are gone; a page that comes back from the browser's cache begins anew.
addEventListener('pagehide', () => actor.getSnapshot().context.call?.end());
addEventListener('pageshow', ({ persisted }) => persisted && location.reload());

const services: Services = { actor, media, name, speaker };
createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <ServicesContext value={services}>
      <LanguageProvider>
        <App />
      </LanguageProvider>
    </ServicesContext>
  </StrictMode>,
);
