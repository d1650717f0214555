/** `wake`: the page is visible again, or the machine has woken up. */
export type BrowserEvent = 'online' | 'offline' | 'wake';

/**
 * Calls `happened` when the network comes or goes, or the page wakes; calls `left` when the user leaves or reloads the
 * page. The function returned ends both. Outside a browser no event ever comes.
 */
export function watchBrowserEvents(happened: (event: BrowserEvent) => void, left: () => void): () => void {
  const watched = new AbortController();
  const { signal } = watched;
  const { window, document } = globalThis as Partial<typeof globalThis>;
  const wake = () => {
    if (!document?.hidden) happened('wake');
  };
  window?.addEventListener?.('online', () => happened('online'), { signal });
  window?.addEventListener?.('offline', () => happened('offline'), { signal });
  window?.addEventListener?.('pageshow', wake, { signal });
  window?.addEventListener?.('pagehide', left, { signal });
  document?.addEventListener?.('visibilitychange', wake, { signal });
  document?.addEventListener?.('resume', wake, { signal }); // the browser had frozen the page
  return () => watched.abort();
}
