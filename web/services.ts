import { createContext, useContext } from 'react';
import type { ActorRefFrom } from 'xstate';
import type { KeptCall } from './call/kept.ts';
import type { callMachine } from './call/machine.ts';
import type { Tabs } from './call/tabs.ts';
import type { LocalMedia } from './media/local-media.ts';
import type { Store } from './store.ts';

/** What a page has one of. */
export interface Services {
  readonly actor: ActorRefFrom<typeof callMachine>;
  readonly media: LocalMedia;
  /** What we are called; empty: nothing. */
  readonly name: Store<string>;
  /** The device id of the loudspeaker; empty: the system's choice. */
  readonly speaker: Store<string>;
  /** The other tabs of this browser. */
  readonly tabs: Tabs;
  /** Enters a call that this tab or another was in a moment ago. */
  goOn(kept: KeptCall): void;
}

export const ServicesContext = createContext<Services | undefined>(undefined);

export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (services === undefined) throw new Error('outside of ServicesContext');
  return services;
}
