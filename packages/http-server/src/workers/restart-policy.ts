/** How often and how fast a worker that ends unasked is started again. */
export interface RestartLimits {
  /** Restarts of one worker within `restartWindowMs`; the next one fails the server. Default 10. 0: none. */
  readonly restartLimit?: number;
  /** In milliseconds. Default 60 000. */
  readonly restartWindowMs?: number;
}

/** The second restart in a row waits this long, each further one twice as long. The first does not wait: its connections do. */
const BACK_OFF_MS = 100;
const BACK_OFF_MS_MAX = 5_000;
const RESTART_LIMIT = 10;
const RESTART_WINDOW_MS = 60_000;

/** Decides about the restarts of one worker. Reads no clock. */
export class RestartPolicy {
  readonly limit: number;
  readonly windowMs: number;
  #times: number[] = [];

  constructor({
    restartLimit = RESTART_LIMIT,
    restartWindowMs = RESTART_WINDOW_MS,
  }: RestartLimits) {
    if (
      restartLimit !== Number.POSITIVE_INFINITY &&
      !(Number.isInteger(restartLimit) && restartLimit >= 0)
    ) {
      throw new RangeError(
        `Cannot start as restartLimit must be an integer >= 0 or Infinity: current value is ${restartLimit}`,
      );
    }
    if (!(restartWindowMs >= 1 && restartWindowMs < 2 ** 31)) {
      throw new RangeError(
        `Cannot start as restartWindowMs must be from 1 to 2147483647 milliseconds: current value is ${restartWindowMs}`,
      );
    }
    this.limit = restartLimit;
    this.windowMs = restartWindowMs;
  }

  /**
   * The worker ended at `now`.
   * @returns milliseconds to wait before the next start, or -1 for no more
   */
  ended(now: number): number {
    this.#times = this.#times.filter((time) => now - time < this.windowMs);
    const recent = this.#times.length;
    if (recent >= this.limit) return -1;
    this.#times.push(now);
    return recent === 0 ? 0 : Math.min(BACK_OFF_MS * 2 ** (recent - 1), BACK_OFF_MS_MAX);
  }
}
