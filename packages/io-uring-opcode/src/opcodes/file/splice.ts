import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpFlag, OpNumber } from '../../abi.generated.js';
import { descriptorArgument, integerArgument, TRANSFER_BYTES_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link Splice}. */
export interface SpliceOptions {
  /** Where the bytes come from, regular or direct. This or `to` is a pipe. */
  readonly from: Descriptor;
  /** Where they go, regular or direct. */
  readonly to: Descriptor;
  /** Bytes at most. */
  readonly length: number;
  /** First byte of `from`. Default -1: at its own position; needed for pipes and sockets. */
  readonly fromPosition?: number;
  /** First byte of `to`. Default -1: at its own position; needed for pipes and sockets. */
  readonly toPosition?: number;
  /** SPLICE_F_MORE: more follows at once. Default false. */
  readonly more?: boolean;
}

/**
 * Moves bytes between two descriptors inside of the kernel, one of which is a pipe. With two of them a file goes to a socket
 * without coming by here; for files below some 256 KiB {@link Read} and {@link Send} are cheaper.
 *
 * Result: bytes moved; 0 is the end. Errors of note: EINVAL (neither is a pipe, or a file opened for appending), ESPIPE (a
 * position for a pipe), EPIPE. Kernel 5.7. It always runs in a worker of the kernel's. splice(2), io_uring_prep_splice(3).
 *
 * @throws {TypeError} `from` or `to` is no descriptor
 * @throws {RangeError} a length or position out of range
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { RawFd } from '@ringbearer/io-uring-fd';
 * import { Close, OpenAt, Pipe, Splice } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * if (bearer.probe().has('PIPE')) {
 *   const file = await bearer.submit(new OpenAt({ path: process.execPath }));
 *   const { readEnd, writeEnd } = await bearer.submit(new Pipe());
 *   const from = { from: file, to: writeEnd, length: 4, fromPosition: 0 };
 *   console.log(await bearer.submit(new Splice(from))); // 4
 *   for (const descriptor of [file, readEnd, writeEnd]) {
 *     await bearer.submit(new Close({ descriptor }));
 *   }
 * }
 * await bearer.close();
 * ```
 */
export class Splice extends OpCode<number> {
  override readonly code = OpNumber.SPLICE;
  override readonly name = 'SPLICE';
  override readonly since = '5.7';
  #from: Descriptor;
  #to: Descriptor;
  #length: number;
  #fromPosition: number;
  #toPosition: number;
  readonly #flags: number;

  constructor(options: SpliceOptions) {
    super();
    const { from, to, length, fromPosition = -1, toPosition = -1, more = false } = options;
    this.#from = descriptorArgument('splice', 'from', from);
    this.#to = descriptorArgument('splice', 'to', to);
    this.#length = integerArgument('splice', 'length', length, 0, TRANSFER_BYTES_MAX);
    this.#fromPosition = integerArgument('splice', 'fromPosition', fromPosition, -1);
    this.#toPosition = integerArgument('splice', 'toPosition', toPosition, -1);
    this.#flags = OpFlag.SPLICE_F_MOVE | (more ? OpFlag.SPLICE_F_MORE : 0);
  }

  /** Chooses descriptors for the next submission. */
  set(from: Descriptor, to: Descriptor): this {
    this.assertIdle();
    this.#from = descriptorArgument('splice', 'from', from);
    this.#to = descriptorArgument('splice', 'to', to);
    return this;
  }

  /** Chooses how much, and where, for the next submission. */
  setRange(length: number, fromPosition = this.#fromPosition, toPosition = this.#toPosition): this {
    this.assertIdle();
    this.#length = integerArgument('splice', 'length', length, 0, TRANSFER_BYTES_MAX);
    this.#fromPosition = integerArgument('splice', 'fromPosition', fromPosition, -1);
    this.#toPosition = integerArgument('splice', 'toPosition', toPosition, -1);
    return this;
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#to);
    sqe.fileOffset(this.#toPosition);
    const from = this.#fromPosition;
    if (from === -1) sqe.address(-1, -1);
    else sqe.address(from | 0, Math.floor(from / 0x1_0000_0000));
    sqe.length(this.#length);
    sqe.fileIndex(this.#from.number); // splice_fd_in
    sqe.flags(this.#flags | (this.#from.direct ? OpFlag.SPLICE_F_FD_IN_FIXED : 0));
  }

  override complete(cqe: Cqe): number {
    return this.result(cqe);
  }
}
