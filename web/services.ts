import { createContext, useContext } from 'react';
import type { ActorRefFrom } from 'xstate';
import type { callMachine } from './call/machine.ts';
import type { LocalMedia } from './media/local-media.ts';
import type { Store } from './store.ts';

/** What there is one of on a page. */
export interface Services {
  readonly actor: ActorRefFrom<typeof callMachine>;
  readonly media: LocalMedia;
  /** What we are called; empty: nothing. */
  readonly name: Store<string>;
  /** The device id of the loudspeaker; empty: the system's choice. */
  readonly speaker: Store<string>;
}

export const ServicesContext = createContext<Services | undefined>(undefined);

export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (services === undefined) throw new Error('outside of ServicesContext');
  return services;
}
