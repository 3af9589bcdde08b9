// A bearer of random size on a random driver, with what the scenarios share.

import { UringBearer } from '@ringbearer/io-uring-bearer';

/**
 * @param shared `folder` for files, `drivers` to choose from, `rawAllowed`: descriptors of the process may be made, `thrown`: counts
 *   what handlers throw, `small`: everything is soon full
 */
export function openStage(random, shared) {
  const { small = false } = shared;
  const core = random.pick(small ? [1, 2, 4, 8] : [8, 16, 64, 256]);
  const count = random.pick(small ? [1, 2, 4] : [2, 8, 32, 128]);
  const bufferBytes = random.pick([64, 512, 4096]);
  const bearer = UringBearer.withCapacity(
    {
      CoreQueue: core,
      CompletionQueue: Math.max(2, core * random.pick([1, 2, 4])),
      RegisteredFd: small ? 4 : random.pick([32, 64]),
      PendingCompletions: small ? random.int(1, 32) : random.pick([64, 256, 1024]),
      Buffers: small ? 64 : 4096,
      BufferBytes: small ? 1 << 20 : 1 << 24,
    },
    { driver: random.pick(shared.drivers), manualFiles: small ? 2 : 8 },
  );
  return new Stage(bearer, shared, { count, bufferBytes });
}

class Stage {
  constructor(bearer, shared, { count, bufferBytes }) {
    this.bearer = bearer;
    this.shared = shared;
    this.folder = shared.folder;
    this.rawAllowed = shared.rawAllowed;
    this.thrown = shared.thrown;
    this.ring = bearer.buffers.ring({ count, bufferBytes });
    this.pool = bearer.buffers.pool({ count: Math.min(count, 16), bufferBytes: 4096 });
    this.futexes = bearer.probe().has('FUTEX_WAIT');
    this.word = bearer.buffers.futex();
    if (bearer.driver === 'manual') this.#pump();
  }
  #pumping = true;

  /** Nothing happens on a manual bearer by itself. */
  async #pump() {
    const { bearer } = this;
    while (this.#pumping && !bearer.closed) {
      bearer.submitAndWait(1, 1);
      bearer.handleCompletions();
      await new Promise(setImmediate);
    }
  }

  /** What is left although nobody uses it, in words; '' when nothing is. */
  leftovers() {
    const { bearer, ring, pool } = this;
    const { stale, dropped, capacity } = bearer.stats();
    const kept = ring.count + pool.count;
    const wrong = [];
    const expect = (name, value, expected) => {
      if (value !== expected) wrong.push(`${name} is ${value} in place of ${expected}`);
    };
    expect('operations in flight', capacity.PendingCompletions.used, 0);
    expect('buffers in use', capacity.Buffers.used, kept);
    expect('buffers of the ring', ring.available, ring.count);
    expect('buffers of the pool', pool.available, pool.count);
    expect('manual slots', bearer.files.manualUsed, 0);
    expect('stale completions', stale, 0);
    expect('dropped completions', dropped, 0);
    return wrong.join(', ');
  }

  async close() {
    await this.bearer.close();
    this.#pumping = false;
  }
}
