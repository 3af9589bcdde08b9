// A Worker with a ring of its own, that plays one part in a game of futex words.

import { parentPort, workerData } from 'node:worker_threads';
import { Futex, UringBearer } from '@ringbearer/io-uring-bearer';

const { words, driver, role, rounds } = workerData;
const bearer = UringBearer.withCapacity({ CoreQueue: 16 }, { driver });
const futexes = Array.from(words, (_, index) => bearer.futex(words, index));

const roles = {
  /** Wakes word 0, without a change, when told to. */
  async waker() {
    parentPort.postMessage('ready');
    await new Promise((resolve) => parentPort.once('message', resolve));
    return futexes[0].wake();
  },
  /** Changes word 0 before anybody waits. */
  async early() {
    futexes[0].store(1);
    return futexes[0].wake();
  },
  /** Word 0 is the ball of this side, word 1 that of the other. */
  async pong() {
    for (let i = 1; i <= rounds; i++) {
      await futexes[0].waitWhile(i - 1);
      futexes[1].store(i);
      await futexes[1].wake();
    }
    return futexes[0].load();
  },
  /** Adds to word 0 as often as it may, under the lock that is word 1: 0 free, 1 taken, 2 taken and somebody waits. */
  async adder() {
    const [count, lock] = futexes;
    for (let i = 0; i < rounds; i++) {
      let found = lock.compareExchange(0, 1);
      while (found !== 0) {
        if (found === 2 || lock.compareExchange(1, 2) !== 0) await lock.wait(2);
        found = lock.compareExchange(0, 2);
      }
      const before = count.load();
      await null; // a turn for others to get it wrong in
      count.store(before + 1);
      if (lock.add(-1) !== 1) {
        lock.store(0);
        await lock.wake(1);
      }
    }
    return rounds;
  },
  /** Waits on every word, until somebody ends it. */
  async waiter() {
    const waits = [
      ...futexes.map((futex) => futex.wait(0)),
      Futex.waitAny(futexes.map((futex) => ({ futex, expected: 0 }))),
    ];
    bearer.flush();
    parentPort.postMessage('ready');
    return Promise.all(waits);
  },
};

parentPort.postMessage(await roles[role]());
for (const futex of futexes) futex.release();
await bearer.close();
