// A bearer of random size on a random driver, with what the scenarios share.

import { UringBearer } from '@ringbearer/io-uring-bearer';

const asked = UringBearer.withCapacity({ CoreQueue: 1 });
/** The kernel can collect completions for a while: 6.12. */
const collects = asked.probe().features.includes('MIN_TIMEOUT');
await asked.close();

/**
 * @param shared `folder` for files, `drivers` to choose from, `rawAllowed`: descriptors of the process may be made, `thrown`: counts
 *   what handlers throw, `small`: everything is soon full
 */
export function openStage(random, shared) {
  const { small = false } = shared;
  const core = random.pick(small ? [1, 2, 4, 8] : [8, 16, 64, 256]);
  const count = random.pick(small ? [1, 2, 4] : [2, 8, 32, 128]);
  const bufferBytes = random.pick([64, 512, 4096]);
  const driver = random.pick(shared.drivers);
  const minWaitUs = random.pick([0, 0, 50, 500]);
  const bearer = UringBearer.withCapacity(
    {
      CoreQueue: core,
      CompletionQueue: Math.max(2, core * random.pick([1, 2, 4])),
      RegisteredFd: small ? 4 : random.pick([32, 64]),
      PendingCompletions: small ? random.int(1, 32) : random.pick([64, 256, 1024]),
      Buffers: small ? 64 : 4096,
      BufferBytes: small ? 1 << 20 : 1 << 24,
      BufferGroups: 16,
      RegisteredBuffers: random.pick([1, 4, 16]),
      Futexes: 16,
    },
    {
      driver,
      minWaitUs: collects && driver === 'owner' ? minWaitUs : 0,
      manualFiles: small ? 2 : 8,
    },
  );
  return new Stage(bearer, shared, { count, bufferBytes, minWaitUs: collects ? minWaitUs : 0 });
}

class Stage {
  constructor(bearer, shared, { count, bufferBytes, minWaitUs }) {
    this.bearer = bearer;
    this.shared = shared;
    this.folder = shared.folder;
    this.rawAllowed = shared.rawAllowed;
    this.thrown = shared.thrown;
    this.ring = bearer.buffers.ring({ count, bufferBytes });
    this.pool = bearer.buffers.pool({ count: Math.min(count, 16), bufferBytes: 4096 });
    this.futexes = bearer.probe().has('FUTEX_WAIT');
    this.word = bearer.buffers.futex();
    if (bearer.driver === 'manual') this.#pump(minWaitUs === 0 ? undefined : minWaitUs);
  }
  #pumping = true;
  /** A message may have come when its mailbox had gone: that is a stale completion. */
  messagesAstray = false;

  /** Nothing happens on a manual bearer by itself. */
  async #pump(minWaitUs) {
    const { bearer } = this;
    while (this.#pumping && !bearer.closed) {
      bearer.submitAndWait(minWaitUs === undefined ? 1 : 4, { timeoutMs: 1, minWaitUs });
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
    expect('direct descriptors', capacity.RegisteredFd.used, 0);
    expect('registered buffers', capacity.RegisteredBuffers.used, 0);
    expect('buffer groups', capacity.BufferGroups.used, 1);
    expect('futex words', capacity.Futexes.used, 1);
    if (!this.messagesAstray) expect('stale completions', stale, 0);
    expect('dropped completions', dropped, 0);
    return wrong.join(', ');
  }

  async close() {
    await this.bearer.close();
    this.#pumping = false;
  }
}
