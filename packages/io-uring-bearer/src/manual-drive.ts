import type { RawRing } from '@ringbearer/native/ring';
import type { Engine } from './engine.js';
import { closedError } from './errors.js';
import { type ManualHandler, optionsOf, type WaitOptions } from './options.js';
import { checkMinWait, demandMinWait } from './ring/min-wait.js';
import type { DriverKind } from './ring/setup.js';

/** The most completions io_uring_enter(2) can be asked to wait for: an int of the kernel's. */
const COMPLETE_MAX = 0x7fff_ffff;

/** The loop of a bearer that nobody drives but its caller: waits and handles completions when told to. */
export class ManualDrive {
  readonly #raw: RawRing;
  readonly #engine: Engine;
  readonly #driver: DriverKind;

  constructor(raw: RawRing, engine: Engine, driver: DriverKind) {
    this.#raw = raw;
    this.#engine = engine;
    this.#driver = driver;
  }

  /**
   * Submits what is queued and waits.
   *
   * @returns entries the kernel took
   * @throws TypeError, RangeError, BearerError
   */
  wait(minComplete: number, wait: number | WaitOptions): number {
    const { timeoutMs = Number.POSITIVE_INFINITY, minWaitUs } =
      typeof wait === 'number' ? { timeoutMs: wait } : optionsOf('wait', wait);
    this.#demand();
    if (!Number.isInteger(minComplete) || minComplete < 0 || minComplete > COMPLETE_MAX) {
      throw new RangeError(
        `Cannot wait as minComplete must be an integer from 0 to ${COMPLETE_MAX}: current value is ${minComplete}`,
      );
    }
    if (!(timeoutMs >= 0)) {
      throw new RangeError(`Cannot wait as timeoutMs must be >= 0: current value is ${timeoutMs}`);
    }
    if (minWaitUs !== undefined) {
      checkMinWait(minWaitUs);
      demandMinWait(this.#raw);
    }
    return this.#engine.enter(minComplete, timeoutMs, minWaitUs);
  }

  /**
   * Handles what has completed, `limit` completions at the most.
   *
   * @returns completions handled
   * @throws TypeError, RangeError, BearerError
   */
  handle(limit: number, fn: ManualHandler | null): number {
    this.#demand();
    if (!(limit >= 0)) {
      throw new RangeError(
        `Cannot handle completions as limit must be >= 0: current value is ${limit}`,
      );
    }
    return this.#engine.drainByHand(limit, fn);
  }

  #demand(): void {
    if (this.#driver !== 'manual') {
      throw new TypeError(
        `Cannot drive completions by hand as the driver is '${this.#driver}': construct the bearer with { driver: 'manual' }`,
      );
    }
    if (this.#engine.state === 'closed') throw closedError();
  }
}
