/** What a browser tells of the network and of the page. */
export type Surrounding = 'online' | 'offline' | 'wake';

/**
 * Tells when the network comes or goes, and when somebody looks at the page again or the machine wakes, until the
 * function returned is called. `left` is called when the page is left or reloaded. Outside a browser nothing is ever
 * told.
 */
export function watchSurroundings(tell: (what: Surrounding) => void, left: () => void): () => void {
  const watched = new AbortController();
  const { signal } = watched;
  const { window, document } = globalThis as Partial<typeof globalThis>;
  const wake = () => {
    if (!document?.hidden) tell('wake');
  };
  window?.addEventListener?.('online', () => tell('online'), { signal });
  window?.addEventListener?.('offline', () => tell('offline'), { signal });
  window?.addEventListener?.('pageshow', wake, { signal });
  window?.addEventListener?.('pagehide', left, { signal });
  document?.addEventListener?.('visibilitychange', wake, { signal });
  document?.addEventListener?.('resume', wake, { signal }); // a frozen page goes on
  return () => watched.abort();
}
