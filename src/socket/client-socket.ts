import { WebSocket } from 'ws';
import type { SocketEnd } from '../link.ts';

/** No status in the close frame (RFC 6455 section 7.4.1). */
const NO_STATUS = 1005;

/**
 * Close codes that end a participant's seat: the client said it goes (1000, 1001), broke the protocol, or was sent
 * away. After any other the socket is merely lost, and a session may come back for its seat.
 */
const ENDING = new Set([1000, 1001, 1002, 1003, 1007, 1008, 1009, 4408, 4429]);

/**
 * A server's WebSocket that tells of its end as soon as one is known. ws emits `close` only when both sides have
 * closed, which a silent peer can put off; but it calls `close()` whenever a close frame arrives, a frame is
 * malformed, or we close, and that emits `closing` here, with how it ends.
 */
export class ClientSocket extends WebSocket {
  override close(code?: number, data?: string | Buffer): void {
    const isFirst = this.readyState === WebSocket.OPEN;
    super.close(code, data);
    if (isFirst) this.emit('closing', endOf(code ?? NO_STATUS));
  }
}

function endOf(code: number): SocketEnd {
  return ENDING.has(code) ? 'closed' : 'lost';
}
