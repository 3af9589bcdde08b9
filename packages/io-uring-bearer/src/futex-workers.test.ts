// Futex words on a SharedArrayBuffer, between threads that each have a ring.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { bearerMaker } from '../test-support/bearers.js';
import { openDescriptors, sleep } from '../test-support/kernel-fixture.js';
import { Futex } from './index.js';

const PROGRAM = new URL('../test-support/programs/futex-worker.mjs', import.meta.url);
const make = bearerMaker();
const shared = (count = 2) => new Int32Array(new SharedArrayBuffer(4 * count));

/** A Worker in a role, and its messages in order. */
function start(role: string, words: Int32Array, driver = 'embedded', rounds = 0) {
  const worker = new Worker(PROGRAM, { workerData: { words, driver, role, rounds } });
  const messages: unknown[] = [];
  const wanted: ((message: unknown) => void)[] = [];
  worker.on('message', (message) => {
    const next = wanted.shift();
    if (next === undefined) messages.push(message);
    else next(message);
  });
  const failed = once(worker, 'error').then(([error]) => Promise.reject(error));
  failed.catch(() => {});
  const next = () =>
    messages.length > 0
      ? Promise.resolve(messages.shift())
      : Promise.race([new Promise((resolve) => wanted.push(resolve)), failed]);
  return { worker, next, ended: once(worker, 'exit') };
}

describe.each(['embedded', 'owner'] as const)('driver %s', (driver) => {
  test('this thread waits first, a Worker wakes it', async () => {
    const bearer = make(driver);
    const words = shared(1);
    const futex = bearer.futex(words, 0);
    const { worker, next, ended } = start('waker', words, driver);
    expect(await next()).toBe('ready');
    const waited = futex.wait(0);
    bearer.flush();
    worker.postMessage('now');
    expect(await waited).toBe('ok');
    expect(await next()).toBe(1);
    await ended;
  });

  test('a Worker wakes first, and this thread does not wait', async () => {
    const bearer = make(driver);
    const words = shared(1);
    const futex = bearer.futex(words, 0);
    const { next, ended } = start('early', words, driver);
    expect(await next()).toBe(0);
    expect(await futex.wait(0)).toBe('not-equal');
    expect(await futex.waitWhile(0)).toBe(1);
    await ended;
  });

  test('1000 times there and back', async () => {
    const bearer = make(driver);
    const words = shared();
    const [ping, pong] = [bearer.futex(words, 0), bearer.futex(words, 1)];
    const { next, ended } = start('pong', words, driver, 1000);
    for (let i = 1; i <= 1000; i++) {
      ping.store(i);
      await ping.wake();
      expect(await pong.waitWhile(i - 1)).toBe(i);
    }
    expect(await next()).toBe(1000);
    await ended;
  });

  test('a lock of three threads keeps what it guards', async () => {
    const words = shared();
    const workers = [1, 2, 3].map(() => start('adder', words, driver, 200));
    const done = await Promise.all(workers.map(({ next }) => next()));
    expect(done).toEqual([200, 200, 200]);
    expect([...words]).toEqual([600, 0]);
    for (const { ended } of workers) await ended;
  });

  test('a waiter that is terminated harms nobody: others are woken, nothing is left', async () => {
    const bearer = make(driver);
    const words = shared(3);
    const before = openDescriptors();
    for (let round = 0; round < 5; round++) {
      const { worker, next } = start('waiter', words, driver);
      expect(await next()).toBe('ready');
      const futexes = Array.from(words, (_, index) => bearer.futex(words, index));
      const waits = futexes.map((futex) => futex.wait(0));
      bearer.flush();
      await worker.terminate();
      // What the kernel has not taken apart yet still counts as a waiter.
      for (const futex of futexes) expect(await futex.wake()).toBeGreaterThanOrEqual(1);
      expect(await Promise.all(waits)).toEqual(['ok', 'ok', 'ok']);
      for (const futex of futexes) futex.release();
    }
    for (let i = 0; i < 200 && openDescriptors() > before; i++) await sleep(10);
    expect(openDescriptors()).toBeLessThanOrEqual(before);
    // The terminated waiters are gone for good.
    const last = bearer.futex(words, 0);
    for (let i = 0; i < 200 && (await last.wake()) > 0; i++) await sleep(10);
    expect(await last.wake()).toBe(0);
  });
});

test('waitAny() over words of several Workers', async () => {
  const bearer = make('embedded');
  const words = Array.from({ length: 3 }, () => shared(1));
  const workers = words.map((each) => start('waker', each));
  for (const { next } of workers) expect(await next()).toBe('ready');
  const list = words.map((each) => ({ futex: bearer.futex(each, 0), expected: 0 }));
  for (const index of [2, 0, 1]) {
    const woken = Futex.waitAny(list);
    bearer.flush();
    workers[index]!.worker.postMessage('now');
    expect(await woken).toBe(index);
    expect(await workers[index]!.next()).toBe(1);
    await workers[index]!.ended;
  }
});
