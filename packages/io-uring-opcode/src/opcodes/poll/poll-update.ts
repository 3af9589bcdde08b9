import { Errno, OpNumber, PollFlag } from '../../abi.generated.js';
import { integerArgument, UINT32_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { keyArgument, type OperationKey } from '../../operation-key.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link PollUpdate}. */
export interface PollUpdateOptions {
  /** The {@link PollAdd} to change: the operation in flight itself, or its key. */
  readonly key: OperationKey;
  /** Events it shall wait for from now on, see `epollMask`. */
  readonly events: number;
  /** It is multishot, and shall stay so. Default false: it completes once. */
  readonly multishot?: boolean;
}

/**
 * Makes a {@link PollAdd} in flight wait for other events. Where one of them is the case already, it completes at once.
 *
 * Result: true when it was found; false when it had completed, or was completing, already. Kernel 5.13.
 * io_uring_prep_poll_update(3).
 *
 * @throws {TypeError} `key` is none
 * @throws {RangeError} `key` is of an operation that is not in flight, `events` is beyond 32 bits
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import {
 *   AddressFamily, Close, epollMask, epollNames, PollAdd, PollUpdate, Socket, SocketType,
 * } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const descriptor = await bearer.submit(
 *   new Socket({ family: AddressFamily.INET, type: SocketType.DGRAM }),
 * );
 * const poll = new PollAdd({ descriptor, events: epollMask('IN') });
 * const ready = bearer.submit(poll);
 * await bearer.submit(new PollUpdate({ key: poll, events: epollMask('OUT') }));
 * console.log(epollNames(await ready).join()); // OUT
 * await bearer.submit(new Close({ descriptor }));
 * await bearer.close();
 * ```
 */
export class PollUpdate extends OpCode<boolean> {
  override readonly code = OpNumber.POLL_REMOVE;
  override readonly name = 'POLL_REMOVE';
  override readonly since = '5.13';
  readonly #slot: number;
  readonly #generation: number;
  readonly #events: number;
  readonly #flags: number;

  constructor(options: PollUpdateOptions) {
    super();
    const { key, events, multishot = false } = options;
    const { slot, generation } = keyArgument('update a poll', key);
    this.#slot = slot;
    this.#generation = generation;
    this.#events = integerArgument('update a poll', 'events', events, 0, UINT32_MAX);
    this.#flags = PollFlag.UPDATE_EVENTS | (multishot ? PollFlag.ADD_MULTI : 0);
  }

  override prepare(sqe: Sqe): void {
    sqe.address(this.#slot, this.#generation | 0);
    sqe.length(this.#flags);
    sqe.flags(this.#events | 0);
  }

  override complete(cqe: Cqe): boolean {
    if (cqe.res === -Errno.ENOENT || cqe.res === -Errno.EALREADY) return false;
    this.result(cqe);
    return true;
  }
}
