import { Errno, OpNumber, TimeoutFlag } from '../../abi.generated.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';
import { type ClockName, clockFlag, millisecondsArgument, writeTimespec } from './timespec.js';

/** Settings of a {@link LinkTimeout}. */
export interface LinkTimeoutOptions {
  /** How long the operation in front may take, or with `absolute` until when on `clock`, in milliseconds. */
  readonly milliseconds: number;
  /** `milliseconds` is a time of the clock, not a length. Default false. */
  readonly absolute?: boolean;
  /** Which clock. Default `'monotonic'`, that of process.hrtime(). Others since 5.15. */
  readonly clock?: ClockName;
}

/** `'elapsed'`: the time came first, the operation is cancelled. `'in-time'`: the operation was done by then. */
export type LinkTimedOut = 'elapsed' | 'in-time';

/**
 * Bounds the time of the operation submitted right before it with `SubmissionFlags.LINK`: when the time has come first, the kernel
 * cancels that, and it completes with ECANCELED. The time starts with the operation, not with its submission.
 *
 * Result: {@link LinkTimedOut}. Kernel 5.5. io_uring_prep_link_timeout(3).
 *
 * @throws {TypeError} an unknown clock
 * @throws {RangeError} a negative time
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { LinkTimeout, Nop, SubmissionFlags } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const linked = { flags: SubmissionFlags.LINK };
 * const nop = bearer.submit(new Nop(), linked);
 * const bound = bearer.submit(new LinkTimeout({ milliseconds: 1000 }));
 * console.log(await nop, await bound); // 0 in-time
 * await bearer.close();
 * ```
 */
export class LinkTimeout extends OpCode<LinkTimedOut> {
  override readonly code = OpNumber.LINK_TIMEOUT;
  override readonly name = 'LINK_TIMEOUT';
  override readonly since = '5.5';
  #milliseconds: number;
  readonly #flags: number;

  constructor(options: LinkTimeoutOptions) {
    super();
    const { milliseconds, absolute = false, clock = 'monotonic' } = options;
    this.#milliseconds = millisecondsArgument('time out', milliseconds);
    this.#flags = clockFlag('time out', clock) | (absolute ? TimeoutFlag.ABS : 0);
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
    sqe.flags(this.#flags);
  }

  override complete(cqe: Cqe): LinkTimedOut {
    const { res } = cqe;
    // ETIME: it cancelled. EALREADY: it came when the operation was past stopping, as a worker had it already.
    if (res === -Errno.ETIME || res === -Errno.EALREADY) return 'elapsed';
    // ECANCELED: the operation was first. ENOENT: just so, the timer had fired.
    if (res === -Errno.ECANCELED || res === -Errno.ENOENT) return 'in-time';
    this.result(cqe);
    return 'in-time';
  }
}
