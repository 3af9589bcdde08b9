import { Errno, OpNumber, TimeoutFlag } from '../../abi.generated.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { keyArgument, type OperationKey } from '../../operation-key.js';
import type { Sqe } from '../../sqe.js';
import { millisecondsArgument, writeTimespec } from './timespec.js';

/** Settings of a {@link TimeoutUpdate}. */
export interface TimeoutUpdateOptions {
  /** The {@link Timeout} or {@link LinkTimeout} to change: the operation in flight itself, or its key. */
  readonly key: OperationKey;
  /** How long from now, or with `absolute` until when on the clock it was started with, in milliseconds. */
  readonly milliseconds: number;
  /** `milliseconds` is a time of the clock, not a length. Default false. */
  readonly absolute?: boolean;
  /** `key` is of a {@link LinkTimeout}. Default false. Since 5.15. */
  readonly linked?: boolean;
}

/**
 * Gives a timeout in flight another time. One that counted completions no longer does.
 *
 * Result: true when it was found; false when it had fired, or was firing, already. Kernel 5.11, `linked` 5.15.
 * io_uring_prep_timeout_update(3).
 *
 * @throws {TypeError} `key` is none
 * @throws {RangeError} `key` is of an operation that is not in flight, a negative time
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Timeout, TimeoutUpdate } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const timeout = new Timeout({ milliseconds: 60_000 });
 * const elapsed = bearer.submit(timeout);
 * console.log(await bearer.submit(new TimeoutUpdate({ key: timeout, milliseconds: 5 }))); // true
 * console.log(await elapsed); // elapsed
 * await bearer.close();
 * ```
 */
export class TimeoutUpdate extends OpCode<boolean> {
  override readonly code = OpNumber.TIMEOUT_REMOVE;
  override readonly name = 'TIMEOUT_REMOVE';
  override readonly since: string;
  readonly #slot: number;
  readonly #generation: number;
  readonly #milliseconds: number;
  readonly #flags: number;

  constructor(options: TimeoutUpdateOptions) {
    super();
    const { key, milliseconds, absolute = false, linked = false } = options;
    const { slot, generation } = keyArgument('update a timeout', key);
    this.#slot = slot;
    this.#generation = generation;
    this.#milliseconds = millisecondsArgument('update a timeout', milliseconds);
    this.#flags =
      TimeoutFlag.UPDATE |
      (linked ? TimeoutFlag.LINK_TIMEOUT_UPDATE : 0) |
      (absolute ? TimeoutFlag.ABS : 0);
    this.since = linked ? '5.15' : '5.11';
  }

  override prepare(sqe: Sqe): void {
    writeTimespec(sqe.record, 0, this.#milliseconds);
    sqe.address(this.#slot, this.#generation | 0);
    sqe.recordAddress2(0);
    sqe.flags(this.#flags);
  }

  override complete(cqe: Cqe): boolean {
    const { res } = cqe;
    if (res === -Errno.ENOENT || res === -Errno.EALREADY || res === -Errno.EBUSY) return false;
    this.result(cqe);
    return true;
  }
}
