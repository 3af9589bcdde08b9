import { Errno, OpNumber, TimeoutFlag } from '../../abi.generated.js';
import { integerArgument, UINT32_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';
import { type ClockName, clockFlag, millisecondsArgument, writeTimespec } from './timespec.js';

/** Settings of a {@link Timeout}. */
export interface TimeoutOptions {
  /** How long, or with `absolute` until when on `clock`, in milliseconds. Fractions count: the kernel has nanoseconds. */
  readonly milliseconds: number;
  /** `milliseconds` is a time of the clock, not a length. Default false. */
  readonly absolute?: boolean;
  /** Which clock. Default `'monotonic'`, that of process.hrtime(); `'realtime'` is Date.now()'s. Others since 5.15. */
  readonly clock?: ClockName;
  /** Complete earlier, once this many other completions were posted. Default 0: time alone. */
  readonly count?: number;
  /** Complete again and again: this many times, or `Infinity`. Default: once. Not with `absolute` or `count`. Since 6.4. */
  readonly repeat?: number;
}

/** `'elapsed'`: the time has come. `'counted'`: the other completions came first. */
export type TimedOut = 'elapsed' | 'counted';

/**
 * Waits for a time, or for a number of other completions.
 *
 * Result of each completion: {@link TimedOut}; the kernel says -ETIME when the time has come, which is what was asked for
 * and so no error here, nor for what is linked behind it (IORING_TIMEOUT_ETIME_SUCCESS). A timeout without
 * end that ran into a full completion queue goes on with {@link rearms}. Kernel 5.16, `repeat` 6.4. io_uring_prep_timeout(3).
 *
 * @throws {TypeError} an unknown clock, `repeat` together with `absolute` or `count`
 * @throws {RangeError} a negative time, or a count beyond 32 bits
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Timeout } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * console.log(await bearer.submit(new Timeout({ milliseconds: 5 }))); // elapsed
 *
 * let ticks = 0;
 * for await (const _ of bearer.stream(new Timeout({ milliseconds: 1, repeat: 3 }))) ticks += 1;
 * console.log(ticks); // 3
 * await bearer.close();
 * ```
 */
export class Timeout extends OpCode<TimedOut> {
  override readonly code = OpNumber.TIMEOUT;
  override readonly name = 'TIMEOUT';
  override readonly since: string;
  override readonly multishot: boolean;
  #milliseconds: number;
  readonly #count: number;
  readonly #endless: boolean;
  readonly #flags: number;

  constructor(options: TimeoutOptions) {
    super();
    const { milliseconds, absolute = false, clock = 'monotonic', count = 0, repeat } = options;
    this.#milliseconds = millisecondsArgument('time out', milliseconds);
    integerArgument('time out', 'count', count, 0, UINT32_MAX);
    this.multishot = repeat !== undefined;
    this.#endless = repeat === Number.POSITIVE_INFINITY;
    if (repeat !== undefined && (absolute || count !== 0)) {
      throw new TypeError('Cannot time out as repeat must be alone: absolute or count was given');
    }
    if (repeat !== undefined && !this.#endless) {
      integerArgument('time out', 'repeat', repeat, 1, UINT32_MAX);
    }
    this.#count = repeat === undefined ? count : this.#endless ? 0 : repeat;
    this.#flags =
      TimeoutFlag.ETIME_SUCCESS |
      clockFlag('time out', clock) |
      (absolute ? TimeoutFlag.ABS : 0) |
      (this.multishot ? TimeoutFlag.MULTISHOT : 0);
    this.since = this.multishot ? '6.4' : '5.16';
  }

  /** The time of the next submission. */
  get milliseconds(): number {
    return this.#milliseconds;
  }
  set milliseconds(value: number) {
    this.assertIdle();
    this.#milliseconds = millisecondsArgument('time out', value);
  }

  override prepare(sqe: Sqe): void {
    writeTimespec(sqe.record, 0, this.#milliseconds);
    sqe.recordAddress(0);
    sqe.length(1);
    sqe.offset(this.#count | 0);
    sqe.flags(this.#flags);
  }

  override complete(cqe: Cqe): TimedOut {
    if (cqe.res === -Errno.ETIME) return 'elapsed';
    this.result(cqe);
    return 'counted';
  }

  override rearms(cqe: Cqe): boolean {
    return this.#endless && !cqe.more && cqe.res === -Errno.ETIME;
  }
}
