import { Errno, OpNumber } from '../../abi.generated.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { keyArgument, type OperationKey } from '../../operation-key.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link TimeoutRemove}. */
export interface TimeoutRemoveOptions {
  /** The {@link Timeout} to end: the operation in flight itself, or its key. */
  readonly key: OperationKey;
}

/**
 * Ends a {@link Timeout}, which then completes with ECANCELED.
 *
 * Result: true when it was found; false when it had fired, or was firing, already. Kernel 5.5.
 * io_uring_prep_timeout_remove(3).
 *
 * @throws {TypeError} `key` is none
 * @throws {RangeError} `key` is of an operation that is not in flight
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { OpCodeError, Timeout, TimeoutRemove } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const timeout = new Timeout({ milliseconds: 60_000 });
 * const ended = bearer.submit(timeout).catch((error: OpCodeError) => error.code);
 * console.log(await bearer.submit(new TimeoutRemove({ key: timeout })), await ended); // true ECANCELED
 * await bearer.close();
 * ```
 */
export class TimeoutRemove extends OpCode<boolean> {
  override readonly code = OpNumber.TIMEOUT_REMOVE;
  override readonly name = 'TIMEOUT_REMOVE';
  override readonly since = '5.5';
  readonly #slot: number;
  readonly #generation: number;

  constructor(options: TimeoutRemoveOptions) {
    super();
    const { slot, generation } = keyArgument('remove a timeout', options.key);
    this.#slot = slot;
    this.#generation = generation;
  }

  override prepare(sqe: Sqe): void {
    sqe.address(this.#slot, this.#generation | 0);
  }

  override complete(cqe: Cqe): boolean {
    const { res } = cqe;
    if (res === -Errno.ENOENT || res === -Errno.EALREADY || res === -Errno.EBUSY) return false;
    this.result(cqe);
    return true;
  }
}
