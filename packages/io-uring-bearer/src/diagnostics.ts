import { type Channel, channel } from 'node:diagnostics_channel';
import { Errno } from '@ringbearer/io-uring-opcode';
import { type AtCapacity, ringFailedError } from './errors.js';
import { reportError } from './report-error.js';

/**
 * Channels of node:diagnostics_channel that bearers publish to, when somebody listens. None is on the path of an operation that goes
 * well.
 *
 * | channel | when | message, beside `bearer` |
 * |---|---|---|
 * | `ringbearer:bearer:open` | a bearer was made | |
 * | `ringbearer:bearer:close` | it is closed, the ring is gone | |
 * | `ringbearer:bearer:overflow` | completions were kept back as their queue was full | `overflows`: times since it was made |
 * | `ringbearer:bearer:stale` | a completion named nothing in flight | `slot`, `generation`, `res`, `flags` |
 * | `ringbearer:bearer:at-capacity` | a capacity was used up | `kind`, `limit`, `used` |
 *
 * Subscribers are called at once, inside of the bearer: they must not throw and not submit.
 *
 * @example
 * ```ts
 * import { subscribe, unsubscribe } from 'node:diagnostics_channel';
 * import { BEARER_CHANNELS, UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Timeout } from '@ringbearer/io-uring-opcode';
 *
 * const report = (message: unknown) => {
 *   const { kind, limit } = message as { kind: string; limit: number };
 *   console.log('at capacity:', kind, limit); // at capacity: PendingCompletions 1
 * };
 * subscribe(BEARER_CHANNELS.atCapacity, report);
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8, PendingCompletions: 1 });
 * bearer.push(new Timeout({ milliseconds: 1 }));
 * await bearer.submit(new Timeout({ milliseconds: 1 })).catch(() => {});
 * await bearer.close();
 * unsubscribe(BEARER_CHANNELS.atCapacity, report);
 * ```
 */
export const BEARER_CHANNELS = {
  open: 'ringbearer:bearer:open',
  close: 'ringbearer:bearer:close',
  overflow: 'ringbearer:bearer:overflow',
  stale: 'ringbearer:bearer:stale',
  atCapacity: 'ringbearer:bearer:at-capacity',
} as const;

const opens = channel(BEARER_CHANNELS.open);
const closes = channel(BEARER_CHANNELS.close);
const overflows = channel(BEARER_CHANNELS.overflow);
const stales = channel(BEARER_CHANNELS.stale);
const fulls = channel(BEARER_CHANNELS.atCapacity);

/** Publishes what happens to one bearer. */
export class BearerDiagnostics {
  readonly #bearer: object;
  #failed = false;

  constructor(bearer: object) {
    this.#bearer = bearer;
  }

  opened(): void {
    this.#publish(opens, null);
  }
  closed(): void {
    this.#publish(closes, null);
  }
  overflowed(count: number): void {
    if (overflows.hasSubscribers) this.#publish(overflows, { overflows: count });
  }
  stale(slot: number, generation: number, res: number, flags: number): void {
    if (!stales.hasSubscribers) return;
    this.#publish(stales, { slot, generation: generation >>> 0, res, flags });
  }
  /**
   * The loop hooks could not submit or wait. Shortage passes; what will not is reported once, as an uncaught exception: operations
   * will not complete any more.
   */
  loopFailed(errno: number): void {
    if (this.#failed || errno === Errno.EAGAIN || errno === Errno.EBUSY || errno === Errno.EINTR)
      return;
    this.#failed = true;
    reportError(ringFailedError(errno));
  }
  /** Returns the error, to be thrown. */
  atCapacity(error: AtCapacity): AtCapacity {
    const { kind, limit, used } = error;
    if (fulls.hasSubscribers) this.#publish(fulls, { kind, limit, used });
    return error;
  }

  #publish(to: Channel, what: object | null): void {
    if (to.hasSubscribers) to.publish({ bearer: this.#bearer, ...what });
  }
}
