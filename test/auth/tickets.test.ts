import { beforeEach, expect, test } from '@jest/globals';
import { ALL_GRANTS, type Identity } from '../../src/auth/identity.ts';
import { Tickets } from '../../src/auth/tickets.ts';

let nowMs: number;
let tickets: Tickets;

beforeEach(() => {
  nowMs = 1_000_000_000;
  tickets = new Tickets(20, () => nowMs);
});

function identityOf(user_id: string, lifeS = 3600): Identity {
  const issued_at = nowMs / 1000;
  return { user_id, attributes: {}, grants: ALL_GRANTS, issued_at, expires_at: issued_at + lifeS };
}

function issue(identity: Identity): string {
  const issued = tickets.issue(identity);
  if (issued === undefined) throw new Error('no ticket');
  return issued.ticket;
}

test('a ticket stands for its identity, with grants and expiry, once', () => {
  const ada = identityOf('ada');
  const ticket = issue(ada);
  expect(ticket).toMatch(/^[\w-]{43}$/);
  expect(tickets.spend(ticket)).toEqual(ada);
  expect(tickets.spend(ticket)).toBeUndefined();
  expect(tickets.size).toBe(0);
});

test('it is good for 30 seconds, and never longer than its token', () => {
  expect(tickets.issue(identityOf('ada'))).toHaveProperty('expires_in', 30);
  expect(tickets.issue(identityOf('ada', 10))).toHaveProperty('expires_in', 10);
  expect(tickets.issue(identityOf('ada', 0.5))).toBeUndefined();
  const ticket = issue(identityOf('ada'));
  nowMs += 29_999;
  const late = issue(identityOf('ada'));
  nowMs += 1;
  expect(tickets.spend(ticket)).toBeUndefined();
  expect(tickets.spend(late)).toHaveProperty('user_id', 'ada');
});

test('text that is no ticket is nothing', () => {
  issue(identityOf('ada'));
  for (const text of ['', 'x', 'constructor', 'A'.repeat(43)]) expect(tickets.spend(text)).toBeUndefined();
});

test('one user holds eight at most, and takes none from others', () => {
  const other = issue(identityOf('bob'));
  const own = Array.from({ length: 9 }, () => issue(identityOf('ada')));
  expect(tickets.size).toBe(9);
  expect(tickets.spend(own[0] as string)).toBeUndefined();
  for (const ticket of [other, ...own.slice(1)]) expect(tickets.spend(ticket)).toBeDefined();
});

test('all together are bounded, and what has expired makes place', () => {
  for (let i = 0; i < 20; i += 1) issue(identityOf(`user ${i}`));
  expect(tickets.issue(identityOf('ada'))).toBeUndefined();
  nowMs += 30_000;
  expect(tickets.issue(identityOf('ada'))).toBeDefined();
  expect(tickets.size).toBe(1);
});
