import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpFlag, OpNumber } from '../../abi.generated.js';
import { descriptorArgument, integerArgument, TRANSFER_BYTES_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link Tee}. */
export interface TeeOptions {
  /** A pipe, regular or direct. Its bytes stay in it. */
  readonly from: Descriptor;
  /** Another pipe, regular or direct. */
  readonly to: Descriptor;
  /** Bytes at most. */
  readonly length: number;
}

/**
 * Duplicates bytes from one pipe into another without taking them out.
 *
 * Result: bytes duplicated; 0 when the pipe is empty and nobody writes to it. Errors of note: EINVAL (not two different
 * pipes). Kernel 5.8. It always runs in a worker of the kernel's. tee(2), io_uring_prep_tee(3).
 *
 * @throws {TypeError} `from` or `to` is no descriptor
 * @throws {RangeError} `length` out of range
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Close, Pipe, Tee, Write } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * if (bearer.probe().has('PIPE')) {
 *   const one = await bearer.submit(new Pipe());
 *   const two = await bearer.submit(new Pipe());
 *   await bearer.submit(new Write({ descriptor: one.writeEnd, data: new Uint8Array(5) }));
 *   const tee = new Tee({ from: one.readEnd, to: two.writeEnd, length: 100 });
 *   console.log(await bearer.submit(tee)); // 5
 *   for (const { readEnd, writeEnd } of [one, two]) {
 *     await bearer.submit(new Close({ descriptor: readEnd }));
 *     await bearer.submit(new Close({ descriptor: writeEnd }));
 *   }
 * }
 * await bearer.close();
 * ```
 */
export class Tee extends OpCode<number> {
  override readonly code = OpNumber.TEE;
  override readonly name = 'TEE';
  override readonly since = '5.8';
  readonly #from: Descriptor;
  readonly #to: Descriptor;
  #length: number;

  constructor(options: TeeOptions) {
    super();
    this.#from = descriptorArgument('tee', 'from', options.from);
    this.#to = descriptorArgument('tee', 'to', options.to);
    this.#length = integerArgument('tee', 'length', options.length, 0, TRANSFER_BYTES_MAX);
  }

  /** Bytes the next submission duplicates at most. */
  get length(): number {
    return this.#length;
  }
  set length(value: number) {
    this.assertIdle();
    this.#length = integerArgument('tee', 'length', value, 0, TRANSFER_BYTES_MAX);
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#to);
    sqe.length(this.#length);
    sqe.fileIndex(this.#from.number); // splice_fd_in
    sqe.flags(this.#from.direct ? OpFlag.SPLICE_F_FD_IN_FIXED : 0);
  }

  override complete(cqe: Cqe): number {
    return this.result(cqe);
  }
}
