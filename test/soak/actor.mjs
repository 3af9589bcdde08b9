// One sequence of operations on a bearer that others use at the same time: what it opened, what may go wrong, how it cleans up.

import { closeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { TargetFd } from '@ringbearer/io-uring-fd';
import { Close } from '@ringbearer/io-uring-opcode';

/** Full for the moment: others hold what there is. */
const CROWDED = new Set(['AT_CAPACITY', 'SUBMISSION_QUEUE_FULL']);
/** What ends operations when a bearer is closed or a signal aborted in the middle. */
const ENDED = new Set(['BEARER_CLOSED', 'ECANCELED', 'EINTR', 'BUFFER_CLOSED']);

/** What a closed bearer took along. */
const WENT_WITH_IT = new Set(['BUFFER_NOT_REGISTERED', 'EPOLL_CLOSED']);

/** The reason this actor aborts its own operations with. */
export class Stopped extends Error {
  name = 'Stopped';
}
/** Thrown by handlers on purpose. */
export class Thrown extends Error {
  name = 'Thrown';
}
/** A resource of the bearer is all taken: the scenario is left. */
export class NoRoom extends Error {
  name = 'NoRoom';
}

export class Actor {
  /**
   * @param stage the bearer with its ring, pool and folder
   * @param random of this actor alone
   * @param counts operations by name, for the report
   */
  constructor(stage, random, counts) {
    this.stage = stage;
    this.bearer = stage.bearer;
    this.random = random;
    this.counts = counts;
    this.#controller = new AbortController();
  }
  #controller;
  #open = new Set();
  #leases = new Set();
  #cleanups = [];
  /** Set by what this actor did on purpose: operations may end any way they like. */
  disturbed = false;

  get signal() {
    return this.#controller.signal;
  }
  stop() {
    this.disturbed = true;
    this.#controller.abort(new Stopped());
  }

  /** Does what may find something full for the moment, again until it does not. */
  async patiently(act) {
    for (let attempt = 0; ; attempt++) {
      try {
        return await act();
      } catch (error) {
        if (!CROWDED.has(error.code) || this.bearer.closed || attempt > 2000) throw error;
        await sleep(1 + (attempt % 8));
      }
    }
  }
  /** Submits, waiting while the bearer is full. */
  run(operation, flags) {
    return this.patiently(() => {
      this.count(operation.name);
      return this.bearer.submit(operation, { signal: this.signal, flags });
    });
  }
  /** A stream of results; its first submission waits while the bearer is full. */
  stream(operation, options = {}) {
    return this.patiently(() => {
      this.count(`${operation.name} multishot`);
      return this.bearer.stream(operation, { signal: this.signal, ...options });
    });
  }
  /** Submits a chain, waiting while the bearer is full. */
  submitChain(chain) {
    return this.patiently(() => {
      this.count('chain');
      return chain.submit();
    });
  }
  count(name) {
    this.counts[name] = (this.counts[name] ?? 0) + 1;
  }

  /** Where a new descriptor goes. */
  target() {
    const { rawAllowed } = this.stage;
    return rawAllowed && this.random.chance(0.5) ? TargetFd.raw : TargetFd.auto;
  }
  /** Keeps a descriptor until `close` or the end of the scenario. */
  kept(descriptor) {
    this.#open.add(descriptor);
    return descriptor;
  }
  async close(descriptor) {
    if (!this.#open.delete(descriptor)) return;
    try {
      await this.patiently(() => {
        this.count('CLOSE');
        return this.bearer.submit(new Close({ descriptor }));
      });
    } catch (error) {
      if (!ENDED.has(error.code) && !this.bearer.closed) throw error;
      // The ring took its direct descriptors with it.
      if (!descriptor.direct) closeSync(descriptor.number);
    }
  }

  /** Memory for one operation, given back at the end of the scenario or with `release`. */
  async lease(length) {
    const lease = await this.patiently(() => {
      const { pool } = this.stage;
      const pooled = this.random.chance(0.7) && length <= pool.bufferBytes && pool.available > 0;
      return pooled ? pool.take(length) : this.bearer.allocate(length);
    });
    this.#leases.add(lease);
    return lease;
  }
  release(lease) {
    this.#leases.delete(lease);
    lease.release();
  }
  /** Makes something that has a bound of its own; where that is reached, the scenario is left. */
  madeOrLeft(make) {
    try {
      return make();
    } catch (error) {
      if (error.code === 'AT_CAPACITY' || error.code === 'LOCKED_MEMORY') throw new NoRoom();
      throw error;
    }
  }
  atEnd(cleanup) {
    this.#cleanups.push(cleanup);
  }

  /** Runs everything together; the first that fails stops the others, which are waited for. */
  async together(...parts) {
    const settled = await Promise.allSettled(
      parts.map(async (part) => {
        try {
          return await part();
        } catch (error) {
          this.#controller.abort(new Stopped());
          throw error;
        }
      }),
    );
    const errors = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
    if (errors.length > 0) throw errors.find((error) => !this.#isEnd(error)) ?? errors[0];
    return settled.map((each) => each.value);
  }

  pause(msMax = 3) {
    return sleep(this.random.int(0, msMax));
  }

  /** Plays one scenario: its failure is thrown unless this actor, or the bearer's end, is the reason. */
  async play(scenario) {
    try {
      await scenario(this);
    } catch (error) {
      const excused =
        error instanceof NoRoom || ((this.disturbed || this.bearer.closed) && this.#isEnd(error));
      if (!excused) throw error;
    } finally {
      this.#controller.abort(new Stopped());
      for (const cleanup of this.#cleanups.reverse()) await cleanup();
      for (const descriptor of [...this.#open]) await this.close(descriptor);
      for (const lease of this.#leases) lease.release();
    }
  }

  #isEnd(error) {
    if (error instanceof Stopped || ENDED.has(error.code)) return true;
    if (this.bearer.closed && WENT_WITH_IT.has(error.code)) return true;
    // A peer of ours that was stopped in the middle.
    return (
      this.disturbed && ['EPIPE', 'ECONNRESET', 'ENOTCONN', 'ECONNABORTED'].includes(error.code)
    );
  }
}
