/**
 * Gives `make` the ICE servers. If the platform refuses them, gives it those that it takes one by one, and tells each
 * URL that it refuses, so that one wrong entry does not cost all connections. `discard` gets what the tries have made.
 */
export function withIceServers<T>(
  servers: readonly RTCIceServer[],
  make: (servers: RTCIceServer[]) => T,
  discard: (made: T) => void,
  refused: (error: Error) => void,
): T {
  try {
    return make([...servers]);
  } catch (error) {
    const single = servers.flatMap((server) => [server.urls].flat().map((urls) => ({ ...server, urls })));
    const accepted = single.filter((server) => {
      try {
        discard(make([server]));
        return true;
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        refused(new Error(`The ICE server ${server.urls} is left out: ${reason}`, { cause }));
        return false;
      }
    });
    if (accepted.length === single.length) throw error; // something else is wrong
    return make(accepted);
  }
}
