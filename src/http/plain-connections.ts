import type { Socket } from 'node:net';
import { keyOf } from '../socket/address.ts';
import { AddressCounter } from '../socket/address-counter.ts';

/** How many there may be. Loopback is exempt from both limits. */
export interface PlainConnectionLimits {
  readonly all: number;
  /** 0: any number. */
  readonly perAddress: number;
  /** Whether the limit of each address does not bind this one: a reverse proxy speaks for many. */
  isExempt(address: string): boolean;
}

/**
 * TCP connections without a WebSocket, those that have not said a word of TLS or HTTP yet included. A TLS socket is
 * known by its peer, since it does not tell which TCP socket is below it.
 */
export class PlainConnections {
  readonly #limits: PlainConnectionLimits;
  readonly #sockets = new Map<string, Socket>();
  readonly #byAddress: AddressCounter;
  readonly #forget: (this: Socket) => void;

  constructor(limits: PlainConnectionLimits) {
    this.#limits = limits;
    this.#byAddress = new AddressCounter(limits.perAddress);
    const connections = this;
    // One function for all sockets.
    this.#forget = function () {
      connections.remove(this);
    };
  }

  get size(): number {
    return this.#sockets.size;
  }

  /** False if there are as many as there may be. The socket's end is noticed. */
  add(socket: Socket): boolean {
    const { remoteAddress: address } = socket;
    if (address === undefined) return false; // it is gone already
    const isLoopback = keyOf(address) === undefined;
    if (!isLoopback && this.#sockets.size >= this.#limits.all) return false;
    if (!this.#limits.isExempt(address) && !this.#byAddress.take(address)) return false;
    this.#sockets.set(peerOf(socket), socket);
    socket.on('close', this.#forget);
    return true;
  }

  /** The socket has a WebSocket now, or is gone. */
  remove(socket: Socket): void {
    const peer = peerOf(socket);
    const connection = this.#sockets.get(peer);
    if (connection === undefined) return;
    this.#sockets.delete(peer);
    connection.off('close', this.#forget);
    const { remoteAddress: address = '' } = socket;
    if (!this.#limits.isExempt(address)) this.#byAddress.release(address);
  }

  destroyAll(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
