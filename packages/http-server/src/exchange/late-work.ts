import { TIMER_MS_MAX } from '../sans-io/timer-limit.js';
import type { Carrier } from './carrier.js';
import { HttpServerError } from './errors.js';
import { isPromise } from './is-promise.js';
import { HttpReply } from './reply.js';
import type { HttpRequest } from './request.js';

/** Default of `maxWaitUntil`: some megabytes of heads and promises. */
export const WAIT_UNTIL_MAX = 10_000;

/** Told of work that failed. The reply it is given is over: what came of the work is no answer any more. */
export type LateFailure = (error: unknown, request: HttpRequest, reply: HttpReply) => unknown;

/** Settings of {@link LateWork}. */
export interface LateWorkOptions {
  /** Promises that may be pending at once. Default 10,000. */
  readonly maxWaitUntil?: number;
  /** Told of failures. Default: `console.error`. */
  readonly onError?: LateFailure;
}

/**
 * The work of a server that goes on after its replies, as given to `waitUntil`: counted, bounded, and waited for when the server closes.
 *
 * @example
 * ```ts
 * import { setTimeout as sleep } from 'node:timers/promises';
 * import { http1, LateWork, MemoryRuntime, rawHandler } from '@ringbearer/http-server';
 *
 * const late = new LateWork({ onError: (error) => console.log(String(error)) });
 * const handle = rawHandler((request, reply) => {
 *   request.waitUntil(sleep(10).then(() => console.log('after', request.path)));
 *   reply.text('hello');
 * });
 * new MemoryRuntime(http1({ handle, late })).connect().send('GET /reply HTTP/1.1\r\nHost: a\r\n\r\n').run();
 * console.log(late.pending, await late.settled(1000)); // after /reply, 1 true
 * ```
 */
export class LateWork {
  readonly #max: number;
  readonly #onError: LateFailure;
  #pending = 0;
  #waiting: (() => void)[] = [];

  /** @throws RangeError when `maxWaitUntil` is not an integer >= 0 or `Infinity` */
  constructor(options: LateWorkOptions = {}) {
    const { maxWaitUntil = WAIT_UNTIL_MAX, onError = (error) => console.error(error) } = options;
    const unlimited = maxWaitUntil === Number.POSITIVE_INFINITY;
    if (!unlimited && !(Number.isSafeInteger(maxWaitUntil) && maxWaitUntil >= 0)) {
      throw new RangeError(
        `Cannot wait for late work as maxWaitUntil must be an integer >= 0 or Infinity: current value is ${String(maxWaitUntil)}`,
      );
    }
    this.#max = maxWaitUntil;
    this.#onError = onError;
  }

  /** Promises that have not settled. */
  get pending(): number {
    return this.#pending;
  }

  /**
   * Waits for work of a request from now on.
   *
   * @param onError told of its failure
   * @throws TypeError when `work` is no promise
   * @throws HttpServerError `WORK_FULL` (503) when too much is pending; the work itself goes on, and its failure is told
   */
  add(
    work: PromiseLike<unknown>,
    request: HttpRequest,
    onError: LateFailure = this.#onError,
  ): void {
    if (!isPromise(work)) {
      throw new TypeError(
        `Cannot wait as work must be a promise: current value is ${String(work)}`,
      );
    }
    const full = this.#pending >= this.#max;
    const over = full ? () => {} : () => this.#over();
    const failed = (error: unknown) => tell(onError, error, request);
    Promise.resolve(work).then(undefined, failed).then(over);
    if (full) {
      throw new HttpServerError(
        'WORK_FULL',
        `There are ${this.#max} promises of waitUntil pending, which is maxWaitUntil`,
        503,
      );
    }
    this.#pending++;
  }

  /** Resolves when nothing is pending, with true; with false when that takes longer than `timeoutMs`. */
  settled(timeoutMs: number): Promise<boolean> {
    if (this.#pending === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), Math.min(timeoutMs, TIMER_MS_MAX));
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  #over(): void {
    this.#pending--;
    if (this.#pending === 0) for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Never fails: who reports errors and throws has a bug, which costs no other request. */
async function tell(onError: LateFailure, error: unknown, request: HttpRequest): Promise<void> {
  try {
    await onError(error, request, replyThatIsOver());
  } catch (bug) {
    console.error(bug);
  }
}

/** A handle of a generation that is gone. */
function replyThatIsOver(): HttpReply {
  const carrier = { generation: 0, lost: -1 };
  const reply = new HttpReply(carrier as Carrier);
  carrier.generation = 1;
  return reply;
}
