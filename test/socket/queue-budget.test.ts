import { expect, test } from '@jest/globals';
import { type Queue, QueueBudget } from '../../src/socket/queue-budget.ts';

/** A queue that holds what it holds until it is let go of twice, as a socket that nobody reads. */
class FakeQueue implements Queue {
  waitingBytes = 0;
  letGoes = 0;

  letGo(): void {
    this.letGoes += 1;
    if (this.letGoes > 1) this.waitingBytes = 0;
  }
}

function openBudget(limitBytes: number) {
  const told: [queues: number, bytes: number][] = [];
  const budget = new QueueBudget(limitBytes, (...each) => void told.push(each));
  return {
    told,
    budget,
    /** So much waits for `queue`, and its sender notes it. */
    note(queue: FakeQueue, bytes: number) {
      queue.waitingBytes = bytes;
      budget.note(queue, bytes);
    },
  };
}
const open = (count: number) => Array.from({ length: count }, () => new FakeQueue());
const letGoes = (queues: readonly FakeQueue[]) => queues.map((queue) => queue.letGoes);

test('exactly the limit may wait', () => {
  const { note } = openBudget(1000);
  const queues = open(4);
  for (const queue of queues) note(queue, 250);
  expect(letGoes(queues)).toEqual([0, 0, 0, 0]);
});

test('beyond it the largest goes, and not the one that was written to', () => {
  const { note, told } = openBudget(1000);
  const queues = open(3);
  const [large, small, writer] = queues as [FakeQueue, FakeQueue, FakeQueue];
  note(large, 600);
  note(small, 300);
  note(writer, 101);
  expect(letGoes(queues)).toEqual([1, 0, 0]);
  expect(told).toEqual([[1, 600]]);
});

test('what has been read since it was noted counts no more', () => {
  const { note, told } = openBudget(1000);
  const queues = open(3);
  const [read, waiting, writer] = queues as [FakeQueue, FakeQueue, FakeQueue];
  note(read, 600);
  note(waiting, 300);
  read.waitingBytes = 0;
  note(writer, 500);
  expect([letGoes(queues), told]).toEqual([[0, 0, 0], []]);
  note(writer, 701);
  expect(letGoes(queues)).toEqual([0, 0, 1]);
});

test('one that still waits when the limit is reached again is let go of once more, which frees it', () => {
  const { note } = openBudget(1000);
  const queues = open(4);
  const [first, second, third, fourth] = queues as [FakeQueue, FakeQueue, FakeQueue, FakeQueue];
  note(first, 900);
  note(second, 200);
  expect(letGoes(queues)).toEqual([1, 0, 0, 0]);
  note(third, 400);
  note(fourth, 450);
  expect(letGoes(queues)).toEqual([2, 0, 0, 1]);
});

test('a socket that is gone counts no more', () => {
  const { note, budget } = openBudget(1000);
  const queues = open(2);
  const [gone, other] = queues as [FakeQueue, FakeQueue];
  note(gone, 900);
  budget.forget(gone);
  note(other, 900);
  expect(letGoes(queues)).toEqual([0, 0]);
});

test('what a closing makes others write is counted when all are let go of', () => {
  const { note } = openBudget(1000);
  const queues = open(3);
  const [first, second, other] = queues as [FakeQueue, FakeQueue, FakeQueue];
  first.letGo = function (this: FakeQueue) {
    this.letGoes += 1;
    note(other, 30);
  };
  note(second, 480);
  note(first, 521);
  expect(letGoes(queues)).toEqual([1, 0, 0]);
});
