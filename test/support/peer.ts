import { type RTCDataChannel, RTCPeerConnection } from 'werift';
import type { ServerMessage } from '../../src/protocol/server.ts';
import { TestClient } from './client.ts';

/**
 * Host candidates of 127.0.0.1 and nothing else. werift leaves loopback out unless it is named, and without
 * a STUN server it asks Google's, so it is given one that never answers: the discard port.
 */
export const LOOPBACK = {
  iceUseIpv4: false,
  iceUseIpv6: false,
  iceAdditionalHostAddresses: ['127.0.0.1'],
  iceInterfaceAddresses: { udp4: '127.0.0.1' },
  iceServers: [{ urls: 'stun:127.0.0.1:9' }],
  iceStunGatherTimeout: 0.05,
};

/** A WebRTC peer: offers a data channel to every newcomer, answers every offer, trickles its candidates. */
export class Peer {
  readonly id: string;
  readonly client: TestClient;
  /** Every relay sent, in order. */
  readonly sent: { type: string; to: string; [field: string]: unknown }[] = [];
  readonly #connections = new Map<string, RTCPeerConnection>();
  readonly #channels = new Map<string, PromiseWithResolvers<RTCDataChannel>>();
  readonly #gathered: Promise<void>[] = [];

  static async create(url: URL): Promise<{ peer: Peer; room_id: string }> {
    const client = await TestClient.connect(url);
    const { room_id, self_id } = await client.createRoom();
    return { peer: new Peer(client, self_id), room_id };
  }

  static async join(url: URL, room_id: string): Promise<Peer> {
    const client = await TestClient.connect(url);
    return new Peer(client, await client.joinRoom(room_id));
  }

  private constructor(client: TestClient, id: string) {
    this.client = client;
    this.id = id;
    this.#listen().catch((error) => {
      for (const { reject } of this.#channels.values()) reject(error);
    });
  }

  /** The data channel with another participant, once it is open. */
  channel(participantId: string): Promise<RTCDataChannel> {
    return this.#slot(participantId).promise;
  }

  /** Waits until every candidate is sent, and the server has relayed it. */
  async signalled(): Promise<void> {
    await Promise.all(this.#gathered);
    await this.client.settled();
  }

  async close(): Promise<void> {
    for (const connection of this.#connections.values()) await connection.close();
    this.client.close();
    await this.client.closed;
  }

  async #listen(): Promise<never> {
    for (;;) await this.#handle(await this.client.next());
  }

  async #handle(message: ServerMessage): Promise<void> {
    switch (message.type) {
      case 'PeerConnected':
        return this.#offer(message.participant_id);
      case 'Offer':
        return this.#answer(message.from, message.sdp);
      case 'Answer':
        return this.#connection(message.from).setRemoteDescription({ type: 'answer', sdp: message.sdp });
      case 'IceCandidate': {
        const { type: _, from, ...candidate } = message;
        return this.#connection(from).addIceCandidate(candidate as object);
      }
      case 'Error':
        throw new Error(`${message.code}: ${message.message}`);
    }
  }

  async #offer(to: string): Promise<void> {
    const connection = this.#connection(to);
    this.#settle(to, connection.createDataChannel('chat'));
    const offer = await connection.createOffer();
    // Sent first: setting it gathers candidates, and werift emits them before the promise settles.
    this.#send({ type: 'Offer', to, sdp: offer.sdp });
    await connection.setLocalDescription(offer);
  }

  async #answer(to: string, sdp: string): Promise<void> {
    const connection = this.#connection(to);
    await connection.setRemoteDescription({ type: 'offer', sdp });
    const answer = await connection.createAnswer();
    this.#send({ type: 'Answer', to, sdp: answer.sdp });
    await connection.setLocalDescription(answer);
  }

  #connection(to: string): RTCPeerConnection {
    const known = this.#connections.get(to);
    if (known !== undefined) return known;
    const connection = new RTCPeerConnection(LOOPBACK);
    this.#connections.set(to, connection);
    connection.onDataChannel.subscribe((channel) => this.#settle(to, channel));
    const gathered = Promise.withResolvers<void>();
    this.#gathered.push(gathered.promise);
    connection.onIceCandidate.subscribe((candidate) => {
      this.#send({ type: 'IceCandidate', to, ...(candidate ?? { candidate: '' }) });
      if (candidate === undefined) gathered.resolve();
    });
    return connection;
  }

  #settle(from: string, channel: RTCDataChannel): void {
    const { resolve } = this.#slot(from);
    if (channel.readyState === 'open') return resolve(channel);
    channel.stateChanged.subscribe((state) => {
      if (state === 'open') resolve(channel);
    });
  }

  #slot(participantId: string): PromiseWithResolvers<RTCDataChannel> {
    let slot = this.#channels.get(participantId);
    if (slot === undefined) {
      slot = Promise.withResolvers();
      slot.promise.catch(() => {}); // reported by whoever waits for it
      this.#channels.set(participantId, slot);
    }
    return slot;
  }

  #send(relay: { type: string; to: string; [field: string]: unknown }): void {
    this.sent.push(relay);
    this.client.send(relay);
  }
}
