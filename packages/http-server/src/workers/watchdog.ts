import { TIMER_MS_MAX } from '../sans-io/timer-limit.js';

/** Questions a thread may leave unanswered, one after the other. */
const UNANSWERED_MAX = 4;
/** Less would be the garbage collector's, or another process's. */
const STUCK_AFTER_MS_MIN = 100;

/**
 * Notices that a thread is stuck in JavaScript: it is asked, and its event loop answers in its next turn. Questions are counted, not time: where the main
 * thread was held up, or the whole machine slept, nothing was asked meanwhile, and nobody is stuck for that.
 */
export class Watchdog {
  readonly #timer: NodeJS.Timeout;
  #unanswered = 0;

  /**
   * @param stuckAfterMs checked by {@link stuckTime}, and finite
   * @param ask puts a question to the thread
   * @param stuck called once, when it has not answered for that long
   */
  constructor(stuckAfterMs: number, ask: () => void, stuck: () => void) {
    this.#timer = setInterval(() => {
      if (this.#unanswered === UNANSWERED_MAX) {
        this.stop();
        stuck();
        return;
      }
      this.#unanswered++;
      ask();
    }, stuckAfterMs / UNANSWERED_MAX);
    this.#timer.unref();
  }

  /** The thread's event loop turns. */
  answered(): void {
    this.#unanswered = 0;
  }

  /** It is not to be watched any more. */
  stop(): void {
    clearInterval(this.#timer);
  }
}

/** @throws RangeError for a time that cannot be */
export function stuckTime(stuckAfterMs: number = Number.POSITIVE_INFINITY): number {
  const fits = stuckAfterMs >= STUCK_AFTER_MS_MIN && stuckAfterMs <= TIMER_MS_MAX;
  if (fits || stuckAfterMs === Number.POSITIVE_INFINITY) return stuckAfterMs;
  throw new RangeError(
    `Cannot start as stuckAfterMs must be from ${STUCK_AFTER_MS_MIN} to ${TIMER_MS_MAX} milliseconds, or Infinity: current value is ${stuckAfterMs}`,
  );
}
