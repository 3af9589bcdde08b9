import { OpNumber } from '../../abi.generated.js';
import { integerArgument, UINT16_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';
import { GROUP_BUFFERS_MAX } from './provide-buffers.js';

/** Settings of a {@link RemoveBuffers}. */
export interface RemoveBuffersOptions {
  /** Buffer group, 0 to 65535. */
  readonly group: number;
  /** Buffers to remove at most, 1 to 65536. */
  readonly count: number;
}

/**
 * Takes buffers that nobody picked out of a group filled by {@link ProvideBuffers}. Which ones is not said.
 *
 * Result: buffers removed. Errors of note: ENOENT (no such group), EINVAL (a buffer ring: unregister that).
 * Kernel 5.7. io_uring_prep_remove_buffers(3).
 *
 * @throws {RangeError} `group` is beyond 16 bits, `count` is not from 1 to 65536
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { OpCodeError, RemoveBuffers } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * try {
 *   await bearer.submit(new RemoveBuffers({ group: 900, count: 1 }));
 * } catch (error) {
 *   if (error instanceof OpCodeError) console.log(error.code); // ENOENT
 * }
 * await bearer.close();
 * ```
 */
export class RemoveBuffers extends OpCode<number> {
  override readonly code = OpNumber.REMOVE_BUFFERS;
  override readonly name = 'REMOVE_BUFFERS';
  override readonly since = '5.7';
  readonly #group: number;
  readonly #count: number;

  constructor(options: RemoveBuffersOptions) {
    super();
    this.#group = integerArgument('remove buffers', 'group', options.group, 0, UINT16_MAX);
    this.#count = integerArgument('remove buffers', 'count', options.count, 1, GROUP_BUFFERS_MAX);
  }

  override prepare(sqe: Sqe): void {
    sqe.fd(this.#count);
    sqe.bufferGroup(this.#group);
  }

  override complete(cqe: Cqe): number {
    return this.result(cqe);
  }
}
