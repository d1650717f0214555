import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createWebSocketReceiver, type StatelyInspectionEvent } from '@statelyai/inspect';
import { WebSocket } from 'ws';
import { PAGE_PROTOCOL } from '../../src/inspect/feed.ts';
import { type Inspector, startInspector } from '../../src/inspect/inspector.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { seat, TestClient } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { Reader } from './reader.ts';

/** The inspector of a running server, as its pages and everybody else on the machine see it. */

const SDP = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\na=ice-pwd:SECRETPASSWORD\r\n';
const CANDIDATE = 'candidate:1 1 udp 1 203.0.113.7 1 typ host SECRETADDRESS';

let inspector: Inspector;
let server: TestServer;
const logs: Record<string, unknown>[] = [];
const logger = createLogger('debug', { stream: { write: (line) => void logs.push(JSON.parse(line)) } });

beforeEach(async () => {
  logs.length = 0;
  inspector = await startInspector({ port: 0, logger });
  server = await startServer({}, { inspect: inspector.inspect });
});
afterEach(async () => {
  await server.stop();
  await inspector.stop();
});

/** A frame of our own format, loosely. */
// biome-ignore lint/suspicious/noExplicitAny: what frames hold is what these tests look at
type Frame = { type: string } & Record<string, any>;

class Page {
  readonly reader: Reader<Frame>;

  static async open(): Promise<Page> {
    return new Page(await Reader.open<Frame>(inspector, PAGE_PROTOCOL));
  }

  private constructor(reader: Reader<Frame>) {
    this.reader = reader;
  }

  /** The actors as the page's list has them now. */
  get actors(): Frame[] {
    const actors = new Map<string, Frame>();
    for (const { type, actors: changed, gone } of this.reader.frames) {
      if (type !== 'actors') continue;
      for (const actor of changed) actors.set(actor.id, actor);
      for (const id of gone) actors.delete(id);
    }
    return [...actors.values()];
  }

  /** The watched actor's last state and all its entries so far, the newest version of each. */
  watched(id: string): { state: Frame; entries: Frame[]; chart: string } {
    const frames = this.reader.frames.filter((frame) => frame.type === 'actor' && frame.id === id);
    const entries = new Map(frames.flatMap((frame) => frame.entries).map((entry) => [entry.seq, entry]));
    return { state: frames.at(-1)?.state, chart: frames.at(-1)?.chart, entries: [...entries.values()] };
  }

  async watch(machine: string, name?: string): Promise<string> {
    const find = () =>
      this.actors.find((actor) => actor.machine === machine && (!name || actor.name === name));
    await until(`${machine} ${name}`, () => find() !== undefined);
    const { id } = find() as Frame;
    this.reader.socket.send(JSON.stringify({ type: 'watch', id }));
    await until('its state', () => this.watched(id).state !== undefined);
    return id;
  }
}

describe('a page of ours', () => {
  test('sees the supervisor, rooms and connections, as they stand and as they change', async () => {
    const { room_id, ids, clients } = await seat(server.wsUrl, 2);
    const page = await Page.open();
    await until('the actors', () => page.actors.length === 6);
    expect(page.reader.frames[0]).toEqual({ type: 'welcome', run: expect.any(String), events: 50 });
    expect(page.actors).toMatchObject([
      { machine: 'supervisor', name: null, value: 'accepting', status: 'active' },
      {
        machine: 'connection',
        name: `of ${ids[0]?.slice(0, 8)}`,
        value: { rate: 'open', greeting: 'greeted' },
      },
      { machine: 'participant', name: ids[0], value: { session: 'attached', seat: 'inside' } },
      { machine: 'room', name: room_id, value: 'occupied', members: 2 },
      { machine: 'connection', name: `of ${ids[1]?.slice(0, 8)}` },
      { machine: 'participant', name: ids[1] },
    ]);

    for (const client of clients) client.send({ type: 'LeaveRoom' });
    await until('the room is idle', () =>
      page.actors.some(({ value, members }) => value === 'idle' && members === 0),
    );
    clients[0]?.close();
    await until('one has ended', () =>
      page.actors.some(({ name, status }) => name === ids[0] && status === 'stopped'),
    );
  });

  test('that opens late hears what went before, and then what follows', async () => {
    const { room_id, ids, clients } = await seat(server.wsUrl, 2);
    const page = await Page.open();
    const id = await page.watch('room', room_id);
    const { state, entries, chart } = page.watched(id);
    expect(chart).toBe('room');
    expect(state).toMatchObject({
      status: 'active',
      value: 'occupied',
      active: ['room', 'room.occupied'],
      context: { room_id, capacity: 8, members: ids },
    });
    expect(entries.map(({ type }) => type)).toEqual(['xstate.init', 'create', 'join']);

    clients[1]?.send({ type: 'LeaveRoom' });
    await until(
      'the event',
      () => page.watched(id).entries.at(-1)?.outcome === 'handled' && page.watched(id).entries.length === 4,
    );
    const participant = page.actors.find(({ name }) => name === ids[1])?.id;
    expect(page.watched(id).entries.at(-1)).toMatchObject({
      type: 'leave',
      payload: { participant_id: ids[1] },
      source: participant,
      transitions: [{ id: 'room.occupied leave 1', targets: [] }],
      decisions: [{ type: 'release' }, { type: 'broadcast' }, { type: 'broadcast' }],
    });
    expect(page.watched(id).state.context.members).toEqual([ids[0]]);
  });

  test('gets the charts of all machines, each transition named as the events name it', async () => {
    await seat(server.wsUrl, 1);
    const page = await Page.open();
    for (const machine of ['supervisor', 'room', 'participant', 'connection']) {
      const { chart, entries } = page.watched(await page.watch(machine));
      const response = await fetch(new URL(`/charts/${chart}.svg`, inspector.url));
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'image/svg+xml']);
      const svg = await response.text();
      for (const { id } of entries.flatMap(({ transitions }) => transitions)) {
        expect(svg).toContain(`data-transition="${id}"`);
      }
    }
    expect((await fetch(new URL('/charts/nothing.svg', inspector.url))).status).toBe(404);
  });

  test('sees a bounded number of each kind, and how many more there are', async () => {
    const clients = await Promise.all(Array.from({ length: 253 }, () => TestClient.connect(server.wsUrl)));
    const page = await Page.open();
    await until('the actors', () => page.actors.length > 1);
    expect(page.actors.filter(({ machine }) => machine === 'connection')).toHaveLength(250);
    expect(page.reader.frames.at(-1)?.hidden).toEqual({ connection: 3 });
    for (const client of clients.slice(0, 2)) client.close();
    await until('others took their places', () => page.reader.frames.at(-1)?.hidden?.connection === 1);
    for (const client of clients) client.close();
  });

  test('may say nonsense', async () => {
    const page = await Page.open();
    for (const text of ['', 'null', '[]', '{"type":"watch"}', '{"type":"watch","id":"x"}', '"watch"']) {
      page.reader.socket.send(text);
    }
    await page.watch('supervisor');
    expect(page.reader.socket.readyState).toBe(WebSocket.OPEN);
  });
});

describe('secrets', () => {
  test('leave the process on no way', async () => {
    const page = await Page.open();
    const stately = await Reader.open<StatelyInspectionEvent>(inspector);
    const { room_id, ids, clients } = await seat(server.wsUrl, 2);
    await page.watch('room', room_id);
    const [from] = clients;
    const [, to] = ids;
    from?.send({ type: 'Offer', to, sdp: SDP });
    from?.send({
      type: 'IceCandidate',
      to,
      candidate: CANDIDATE,
      sdpMid: 'SECRETMID',
      usernameFragment: 'SECRETUSER',
    });
    from?.send(`{"type":"Offer","to":"${to}","sdp":"SECRETINVALID`);
    from?.send({ type: 'Answer', to: crypto.randomUUID(), sdp: SDP });
    await from?.settled();
    await page.watch('participant', ids[0]);
    const late = await Reader.open<StatelyInspectionEvent>(inspector);
    const readers = [page.reader, stately, late];
    for (const reader of readers) {
      await until('a redacted event', () =>
        reader.texts.some((text) => text.includes(`[redacted ${SDP.length} characters]`)),
      );
    }
    const said = readers.flatMap(({ texts }) => texts).join('\n');
    expect(said).not.toMatch(/SECRET|v=0|203\.0\.113|ice-pwd/);
    expect(said).toContain('IceCandidate');
  });
});

describe("Stately's format", () => {
  test('is spoken to everybody else: actors with their definitions, events, snapshots', async () => {
    const early = await Reader.open<StatelyInspectionEvent>(inspector);
    const { ids, room_id } = await seat(server.wsUrl, 2);
    const late = await Reader.open<StatelyInspectionEvent>(inspector);
    for (const { frames } of [early, late]) {
      const of = <T extends StatelyInspectionEvent['type']>(type: T) =>
        frames.filter((frame): frame is Extract<StatelyInspectionEvent, { type: T }> => frame.type === type);
      await until('the room', () => of('@xstate.event').some(({ event }) => event.type === 'join'));
      const actors = of('@xstate.actor');
      expect(actors.map(({ name }) => name)).toEqual([
        'supervisor',
        `connection of ${ids[0]?.slice(0, 8)}`,
        `participant ${ids[0]?.slice(0, 8)}`,
        `room ${room_id.slice(0, 8)}`,
        `connection of ${ids[1]?.slice(0, 8)}`,
        `participant ${ids[1]?.slice(0, 8)}`,
      ]);
      for (const actor of actors) {
        expect(JSON.parse(actor.definition as string)).toMatchObject({ id: actor.name.split(' ')[0] });
        expect(actor).toMatchObject({
          rootId: actor.sessionId,
          snapshot: { status: 'active' },
          _version: expect.any(String),
        });
      }
      const join = of('@xstate.event').find(({ event }) => event.type === 'join');
      expect(join).toMatchObject({
        sessionId: actors[3]?.sessionId,
        sourceId: actors[5]?.sessionId,
        event: { type: 'join', participant_id: ids[1], isSession: false },
      });
    }
    expect(early.frames).toContainEqual(
      expect.objectContaining({
        type: '@xstate.snapshot',
        event: { type: 'join', participant_id: ids[1], isSession: false },
        snapshot: expect.objectContaining({
          value: 'occupied',
          context: expect.objectContaining({ members: ids }),
        }),
      }),
    );
  });

  test("is what @statelyai/inspect's own receiver reads", async () => {
    const events: StatelyInspectionEvent[] = [];
    const receiver = createWebSocketReceiver({ server: `ws://localhost:${inspector.url.port}` });
    receiver.subscribe((event) => void events.push(event));
    await until('the supervisor', () => events.some(({ type }) => type === '@xstate.actor'));
    await seat(server.wsUrl, 1);
    await until('a snapshot of the room', () =>
      events.some((event) => event.type === '@xstate.snapshot' && event.snapshot.status === 'active'),
    );
  });

  test('is framed by a page that says what it loads from the internet, and may load nothing else', async () => {
    const response = await fetch(new URL('/stately', inspector.url));
    expect(await response.text()).toMatch(/loaded from the internet[\s\S]*<iframe /);
    const policy = response.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'; script-src 'self'");
    expect(policy).toContain('frame-src https://stately.ai https://*.stately.ai');
  });
});

describe('the inspector', () => {
  test('keeps working when it fails on an event, and says so once', () => {
    for (let i = 0; i < 3; i++)
      expect(() => inspector.inspect({ type: '@xstate.event' } as never)).not.toThrow();
    expect(logs.filter(({ msg }) => msg === 'inspector failed on an event')).toHaveLength(1);
  });

  test('stops at once, twice if need be, and disconnects its pages', async () => {
    const page = await Page.open();
    const closed = once(page.reader.socket, 'close');
    await Promise.all([inspector.stop(), inspector.stop()]);
    await closed;
    await expect(fetch(inspector.url)).rejects.toThrow();
    await inspector.stop();
    await seat(server.wsUrl, 2); // and the server does not mind
  });

  test('says why it cannot listen', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    await expect(startInspector({ port, logger })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    other.close();
  });
});
