import { describe, expect, test } from '@jest/globals';
import { type Endpoint, Link, type SocketEnd } from '../src/link.ts';
import type { ClientMessage, Dialect } from '../src/protocol/client.ts';
import type { CloseReason } from '../src/protocol/codes.ts';
import type { Sender } from '../src/socket/sender.ts';
import type { MessageTracer } from '../src/telemetry/tracing.ts';

const leaveRoom: ClientMessage = { type: 'LeaveRoom' };

/** A connection that keeps what it is told. */
class FakeEndpoint implements Endpoint {
  isReading = true;
  dialect: Dialect = 'session';
  seq = 7;
  readonly told: unknown[][] = [];

  message(message: ClientMessage, at: number): void {
    this.told.push(['message', message, at]);
  }

  invalid(reason: string, at: number): void {
    this.told.push(['invalid', reason, at]);
  }

  unread(at: number): void {
    this.told.push(['unread', at]);
  }

  acknowledged(seq: number): void {
    this.told.push(['acknowledged', seq]);
  }

  forgetOld(): void {
    this.told.push(['forgetOld']);
  }

  greeted(): void {
    this.told.push(['greeted']);
  }

  detached(link: Link, end: SocketEnd): void {
    this.told.push(['detached', link, end]);
  }
}

function open() {
  const closes: CloseReason[] = [];
  let failedJoins = 0;
  const sender = { close: (reason: CloseReason) => closes.push(reason) } as unknown as Sender;
  const tracer = {} as MessageTracer;
  const pings: string[] = [];
  let drops = 0;
  const link = new Link(sender, tracer, '192.0.2.1', {
    ping: (payload) => pings.push(payload),
    terminate: () => {
      drops += 1;
    },
    attempted: () => {
      failedJoins += 1;
    },
  });
  return { link, sender, tracer, closes, pings, drops: () => drops, failedJoins: () => failedJoins };
}

/** Everything a socket can say. */
function sayAll(link: Link): void {
  link.message(leaveRoom, 1);
  link.invalid('no JSON', 2);
  link.unread(3);
}
const ALL = [
  ['message', leaveRoom, 1],
  ['invalid', 'no JSON', 2],
  ['unread', 3],
];

describe('what the socket says', () => {
  test('goes to the connection, in order', () => {
    const { link } = open();
    const endpoint = new FakeEndpoint();
    link.moveTo(endpoint);
    sayAll(link);
    expect(endpoint.told).toEqual(ALL);
  });

  test('goes to the connection it was moved to, and no longer to the first', () => {
    const { link } = open();
    const [first, second] = [new FakeEndpoint(), new FakeEndpoint()];
    link.moveTo(first);
    link.message(leaveRoom, 0);
    link.moveTo(second);
    sayAll(link);
    link.ended('lost');
    expect(first.told).toEqual([['message', leaveRoom, 0]]);
    expect(second.told).toEqual([...ALL, ['detached', link, 'lost']]);
  });

  test('before there is a connection, and after its end, goes nowhere', () => {
    const { link } = open();
    const endpoint = new FakeEndpoint();
    sayAll(link);
    link.moveTo(endpoint);
    link.ended('closed');
    sayAll(link);
    expect(endpoint.told).toEqual([['detached', link, 'closed']]);
  });
});

describe('what it says of its connection', () => {
  test('is what the connection says now', () => {
    const { link } = open();
    const endpoint = new FakeEndpoint();
    link.moveTo(endpoint);
    expect([link.isReading, link.dialect, link.seq]).toEqual([true, 'session', 7]);
    Object.assign(endpoint, { isReading: false, dialect: 'base', seq: 8 });
    expect([link.isReading, link.dialect, link.seq]).toEqual([false, 'base', 8]);
  });

  test('without one: it reads nothing, and knows of no session', () => {
    const { link } = open();
    expect([link.isReading, link.dialect, link.seq]).toEqual([false, 'base', 0]);
    link.moveTo(new FakeEndpoint());
    link.ended('lost');
    expect([link.isReading, link.dialect, link.seq]).toEqual([false, 'base', 0]);
  });
});

describe('its end', () => {
  test.each(['closed', 'lost'] as const)('%s: told once, the first time', (end) => {
    const { link, closes } = open();
    const endpoint = new FakeEndpoint();
    link.moveTo(endpoint);
    link.ended(end);
    link.ended('closed');
    link.ended('lost');
    expect(endpoint.told).toEqual([['detached', link, end]]);
    expect(closes).toEqual([]);
  });

  test('is told when the link has let go of the connection already', () => {
    const { link } = open();
    const endpoint = new FakeEndpoint();
    const seen: boolean[] = [];
    endpoint.detached = () => {
      seen.push(link.isReading);
      link.ended('lost');
    };
    link.moveTo(endpoint);
    link.ended('lost');
    expect(seen).toEqual([false]);
  });

  test('close closes the socket and leaves the rest to it', () => {
    const { link, closes } = open();
    const endpoint = new FakeEndpoint();
    link.moveTo(endpoint);
    link.close('Replaced');
    expect([closes, endpoint.told]).toEqual([['Replaced'], []]);
    link.ended('lost');
    expect(endpoint.told).toEqual([['detached', link, 'lost']]);
  });

  test('dismissed, the socket is closed and the connection never hears of it', () => {
    const { link, closes } = open();
    const endpoint = new FakeEndpoint();
    link.moveTo(endpoint);
    link.dismiss('ServiceRestart');
    link.ended('closed');
    sayAll(link);
    expect([closes, endpoint.told]).toEqual([['ServiceRestart'], []]);
  });

  test('dismissed, the connection hears nothing even when closing tells of the end at once', () => {
    const { link, sender } = open();
    const endpoint = new FakeEndpoint();
    link.moveTo(endpoint);
    sender.close = () => link.ended('closed');
    link.dismiss('GoingAway');
    expect(endpoint.told).toEqual([]);
  });
});

test('a failed join is passed on each time, with or without a connection', () => {
  const { link, failedJoins } = open();
  link.attempted();
  link.moveTo(new FakeEndpoint());
  link.attempted();
  expect(failedJoins()).toBe(2);
});

test('it carries its sender, its tracer and the address of its client', () => {
  const { link, sender, tracer } = open();
  expect([link.sender, link.tracer, link.address]).toEqual([sender, tracer, '192.0.2.1']);
});

describe('pings', () => {
  test('carry the latest number, or ask for a Ready', () => {
    const { link, pings } = open();
    link.ping();
    link.moveTo(new FakeEndpoint());
    link.ping();
    link.confirmReady();
    expect(pings).toEqual(['0', '7', 'ready']);
  });

  test('before each the connection forgets what is too old', () => {
    const { link } = open();
    const endpoint = new FakeEndpoint();
    link.moveTo(endpoint);
    link.ping();
    expect(endpoint.told).toEqual([['forgetOld']]);
  });
});

describe('an answer', () => {
  function asking() {
    const { link } = open();
    const endpoint = new FakeEndpoint();
    link.moveTo(endpoint);
    return {
      link,
      ping(seq: number) {
        endpoint.seq = seq;
        link.ping();
        endpoint.told.length = 0;
      },
      /** Whether it was an answer, and what the connection was told. */
      pong(payload: string) {
        endpoint.told.length = 0;
        return [link.ponged(payload), ...endpoint.told];
      },
    };
  }

  test('has the payload of a ping, and counts once', () => {
    const { ping, pong } = asking();
    ping(7);
    expect(pong('7')).toEqual([true, ['acknowledged', 7]]);
    expect(pong('7')).toEqual([false]);
  });

  test('to the Ready tells that it has arrived', () => {
    const { link, pong } = asking();
    link.confirmReady();
    expect(pong('ready')).toEqual([true, ['greeted']]);
  });

  test.each(['', 'x', '0', '6', '8', '1e999', '-', '{}', 'ready'])(
    'that has another payload, %j, is none',
    (payload) => {
      const { ping, pong } = asking();
      ping(7);
      expect(pong(payload)).toEqual([false]);
      expect(pong('7')).toEqual([true, ['acknowledged', 7]]);
    },
  );

  test('without a ping is none', () => expect(asking().pong('7')).toEqual([false]));

  test('to a later ping is one to all before it, the Ready included', () => {
    const { link, ping, pong } = asking();
    ping(7);
    link.confirmReady();
    ping(9);
    expect(pong('9')).toEqual([true, ['greeted'], ['acknowledged', 9]]);
    expect(pong('7')).toEqual([false]);
    expect(pong('ready')).toEqual([false]);
  });

  test('may come to each of several pings of the same payload', () => {
    const { ping, pong } = asking();
    ping(7);
    ping(7);
    expect([pong('7'), pong('7'), pong('7')]).toEqual([
      [true, ['acknowledged', 7]],
      [true, ['acknowledged', 7]],
      [false],
    ]);
  });

  test('is to one of the latest four pings: a client does not stay alive by ever older answers', () => {
    const { ping, pong } = asking();
    for (const seq of [1, 2, 3, 4, 5]) ping(seq);
    expect(pong('1')).toEqual([false]);
    expect(pong('2')).toEqual([true, ['acknowledged', 2]]);
  });

  test('goes nowhere when the socket has ended', () => {
    const { link, ping, pong } = asking();
    ping(7);
    link.ended('lost');
    expect(pong('7')).toEqual([true]);
  });
});
