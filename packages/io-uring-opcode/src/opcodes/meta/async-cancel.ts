import type { Descriptor } from '@ringbearer/io-uring-fd';
import { CancelFlag, Errno, OpNumber } from '../../abi.generated.js';
import { descriptorArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { keyArgument, type OperationKey } from '../../operation-key.js';
import type { Sqe } from '../../sqe.js';

/** Settings of an {@link AsyncCancel}: what to look for, in exactly one of three ways. */
export type AsyncCancelOptions = (
  | {
      /** One submission: the operation in flight itself, or its key. */
      readonly key: OperationKey;
      /** Not in this form. */
      readonly descriptor?: never;
      /** Not in this form. */
      readonly any?: never;
    }
  | {
      /** Operations on this descriptor. Since 5.19. */
      readonly descriptor: Descriptor;
      /** Not in this form. */
      readonly key?: never;
      /** Not in this form. */
      readonly any?: never;
    }
  | {
      /** Whatever is in flight. Since 5.19. */
      readonly any: true;
      /** Not in this form. */
      readonly key?: never;
      /** Not in this form. */
      readonly descriptor?: never;
    }
) & {
  /** Every match instead of the first. Default false. Since 5.19. */
  readonly all?: boolean;
};

/**
 * Asks the kernel to end operations. Each still completes by itself: with ECANCELED, or with its result where it had won
 * the race. Memory and records are free with those completions, not with this one.
 *
 * Result: operations cancelled. Not found, completed already, or running and past stopping count 0: all three
 * are ordinary, as a cancellation races with what it cancels. Kernel 5.5, by descriptor, `any` and `all` 5.19.
 * io_uring_cancelation(7), io_uring_prep_cancel(3).
 *
 * @throws {TypeError} none or several of `key`, `descriptor` and `any`
 * @throws {RangeError} `key` is of an operation that is not in flight
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { AsyncCancel, OpCodeError, Timeout } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const timeout = new Timeout({ milliseconds: 60_000 });
 * const ended = bearer.submit(timeout).catch((error: OpCodeError) => error.code);
 * console.log(await bearer.submit(new AsyncCancel({ key: timeout })), await ended); // 1 ECANCELED
 * await bearer.close();
 * ```
 */
export class AsyncCancel extends OpCode<number> {
  override readonly code = OpNumber.ASYNC_CANCEL;
  override readonly name = 'ASYNC_CANCEL';
  override readonly since: string;
  readonly #descriptor: Descriptor | null;
  readonly #slot: number;
  readonly #generation: number;
  readonly #flags: number;

  constructor(options: AsyncCancelOptions) {
    super();
    const { key, descriptor, any = false, all = false } = options;
    if (Number(key !== undefined) + Number(descriptor !== undefined) + Number(any) !== 1) {
      throw new TypeError('Cannot cancel as exactly one of key, descriptor and any must be given');
    }
    this.#descriptor =
      descriptor === undefined ? null : descriptorArgument('cancel', 'descriptor', descriptor);
    const { slot, generation } = key === undefined ? NO_KEY : keyArgument('cancel', key);
    this.#slot = slot;
    this.#generation = generation;
    this.#flags =
      (all ? CancelFlag.ALL : 0) |
      (any ? CancelFlag.ANY : 0) |
      (descriptor === undefined ? 0 : CancelFlag.FD) |
      (descriptor?.direct ? CancelFlag.FD_FIXED : 0);
    this.since = this.#flags === 0 ? '5.5' : '5.19';
  }

  override prepare(sqe: Sqe): void {
    // A direct descriptor is named by CANCEL_FD_FIXED here, not by IOSQE_FIXED_FILE.
    if (this.#descriptor !== null) sqe.fd(this.#descriptor.number);
    sqe.address(this.#slot, this.#generation | 0);
    sqe.flags(this.#flags);
  }

  override complete(cqe: Cqe): number {
    if (cqe.res === -Errno.ENOENT || cqe.res === -Errno.EALREADY) return 0;
    const found = this.result(cqe);
    // Without ALL and ANY the kernel answers 0 for the one it cancelled.
    return (this.#flags & (CancelFlag.ALL | CancelFlag.ANY)) === 0 ? 1 : found;
  }
}

const NO_KEY: OperationKey = { slot: 0, generation: 0 };
