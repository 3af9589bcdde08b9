import { Errno, OpNumber } from '../../abi.generated.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { keyArgument, type OperationKey } from '../../operation-key.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link PollRemove}. */
export interface PollRemoveOptions {
  /** The {@link PollAdd} to end: the operation in flight itself, or its key. */
  readonly key: OperationKey;
}

/**
 * Ends a {@link PollAdd}, which then completes with ECANCELED.
 *
 * Result: true when it was found; false when it had completed, or was completing, already. Kernel 5.1.
 * io_uring_prep_poll_remove(3).
 *
 * @throws {TypeError} `key` is none
 * @throws {RangeError} `key` is of an operation that is not in flight
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import {
 *   AddressFamily, Close, epollMask, OpCodeError, PollAdd, PollRemove, Socket, SocketType,
 * } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const descriptor = await bearer.submit(
 *   new Socket({ family: AddressFamily.INET, type: SocketType.DGRAM }),
 * );
 * const poll = new PollAdd({ descriptor, events: epollMask('IN') });
 * const ended = bearer.submit(poll).catch((error: OpCodeError) => error.code);
 * console.log(await bearer.submit(new PollRemove({ key: poll })), await ended); // true ECANCELED
 * await bearer.submit(new Close({ descriptor }));
 * await bearer.close();
 * ```
 */
export class PollRemove extends OpCode<boolean> {
  override readonly code = OpNumber.POLL_REMOVE;
  override readonly name = 'POLL_REMOVE';
  override readonly since = '5.1';
  readonly #slot: number;
  readonly #generation: number;

  constructor(options: PollRemoveOptions) {
    super();
    const { slot, generation } = keyArgument('remove a poll', options.key);
    this.#slot = slot;
    this.#generation = generation;
  }

  override prepare(sqe: Sqe): void {
    sqe.address(this.#slot, this.#generation | 0);
  }

  override complete(cqe: Cqe): boolean {
    if (cqe.res === -Errno.ENOENT || cqe.res === -Errno.EALREADY) return false;
    this.result(cqe);
    return true;
  }
}
