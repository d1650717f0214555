import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { CloseReason } from '../../protocol/codes.ts';
import type { ParticipantId } from '../../protocol/server.ts';
import type { Pulse } from '../../socket/heartbeat.ts';
import type { TransportEnd, TransportListener } from '../transport.ts';

/** The connection of a socket. */
export interface ServedConnection extends TransportListener, Pulse {
  readonly participantId: ParticipantId;
  /** The remote IP address, after trusted proxies. */
  readonly address: string;
  close(reason: CloseReason): void;
  /** Closes, and tells the participant nothing: the whole server stops, which is not a leave. */
  dismiss(reason: CloseReason): void;
}

/** What must know when nothing more is written to a socket. */
export interface Closable {
  closed(): void;
}

/** Hears from all sockets: one for all, so that a socket needs no listeners of its own. */
export interface SocketListener {
  message(socket: ClientSocket, data: Buffer, isBinary: boolean): void;
  /** A ping, which ws has answered. */
  pinged(socket: ClientSocket): void;
  ponged(socket: ClientSocket, payload: string): void;
  /** Its end is known. Told once. */
  ended(socket: ClientSocket, end: TransportEnd): void;
  /** Both sides have closed, or it was destroyed: nothing more is written to it. */
  closed(socket: ClientSocket): void;
}

/** No status in the close frame (RFC 6455 section 7.4.1). */
const NO_STATUS = 1005;

/**
 * Close codes that end a participant's seat: the client said it goes (1000, 1001), broke the protocol, or was sent
 * away. After any other the socket is merely lost, and a session may come back for its seat.
 */
const ENDING = new Set([1000, 1001, 1002, 1003, 1007, 1008, 1009, 4408, 4429]);

/** A client closes with it when its page is left or reloaded: it may come back within RELOAD_GRACE_MS. */
const AWAY = 4001;

/** Where a stream keeps the WebSocket on it. */
const CLIENT = Symbol('client');
type Stream = Duplex & { [CLIENT]?: ClientSocket };

/** An error of ws with such a code says that the client broke the protocol (ws documents the codes). */
const MALFORMED = 'WS_ERR_';

/**
 * A server's WebSocket that tells of its end as soon as one is known. ws emits `close` only when both sides have
 * closed, which a silent peer can delay. But ws calls `close()` whenever a close frame arrives or a frame is malformed,
 * so `ended` is told there. The stream below tells of a connection that breaks. README.md says what this assumes of ws.
 */
export class ClientSocket extends WebSocket {
  #listener: SocketListener | undefined;
  #connection: ServedConnection | undefined;
  #sender: Closable | undefined;
  #hasEnded = false;

  /** From `serve` on. */
  get connection(): ServedConnection {
    return this.#connection as ServedConnection;
  }

  /** What writes to it, from `serve` on. */
  get sender(): Closable {
    return this.#sender as Closable;
  }

  /**
   * From now on `listener` hears what happens to it. `stream` is the net socket below. Unless it `tellsEarly`, its end is
   * told when ws emits `close`, which is as ws documents it.
   */
  serve(
    stream: Duplex,
    connection: ServedConnection,
    sender: Closable,
    listener: SocketListener,
    tellsEarly = true,
  ): void {
    this.#sender = sender;
    this.#connection = connection;
    this.#listener = listener;
    if (!tellsEarly) return;
    (stream as Stream)[CLIENT] = this;
    stream.on('end', broken).on('close', broken);
  }

  /** How ws tells; what the listener hears needs no listener of each socket's own. */
  // biome-ignore lint/suspicious/noExplicitAny: as in EventEmitter
  override emit(event: string | symbol, ...told: any[]): boolean {
    const listener = this.#listener;
    if (listener === undefined) return super.emit(event, ...told);
    switch (event) {
      case 'message':
        listener.message(this, told[0], told[1]); // in one piece, as ws gives it unless told otherwise
        return true;
      case 'ping':
        listener.pinged(this);
        return true;
      case 'pong':
        listener.ponged(this, String(told[0]));
        return true;
      case 'close':
        this.#end(endOf(told[0]));
        listener.closed(this);
        return super.emit(event, ...told);
      case 'error':
        if (String((told[0] as { code?: unknown } | undefined)?.code).startsWith(MALFORMED))
          this.#end('closed');
        return true; // ws closes the socket
      default:
        return super.emit(event, ...told);
    }
  }

  override close(code?: number, data?: string | Buffer): void {
    const isFirst = this.readyState === WebSocket.OPEN;
    super.close(code, data);
    if (isFirst) this.#end(endOf(code ?? NO_STATUS));
  }

  /** The stream below has ended, or has closed. */
  broke(): void {
    this.#end('lost');
  }

  #end(end: TransportEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#listener?.ended(this, end);
  }
}

/** One function for all of them. */
function broken(this: Stream): void {
  this[CLIENT]?.broke();
}

function endOf(code: number): TransportEnd {
  if (code === AWAY) return 'away';
  return ENDING.has(code) ? 'closed' : 'lost';
}
