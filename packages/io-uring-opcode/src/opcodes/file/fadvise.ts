import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber } from '../../abi.generated.js';
import { descriptorArgument, integerArgument, UINT32_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link Fadvise}. */
export interface FadviseOptions {
  /** A file, regular or direct. */
  readonly descriptor: Descriptor;
  /** One of {@link FileAdvice}. */
  readonly advice: number;
  /** First byte. Default 0. */
  readonly position?: number;
  /** Bytes, below 2^32. Default 0: to the end of the file. */
  readonly length?: number;
}

/**
 * Tells the kernel how a file will be read: sequentially, soon (WILLNEED reads ahead), or never again (DONTNEED drops the
 * pages).
 *
 * No result. Errors of note: EINVAL (unknown advice), ESPIPE (a pipe). Kernel 5.6. posix_fadvise(2),
 * io_uring_prep_fadvise(3).
 *
 * @throws {TypeError} `descriptor` is none
 * @throws {RangeError} `advice`, `position` or `length` out of range
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Close, Fadvise, FileAdvice, OpenAt } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const descriptor = await bearer.submit(new OpenAt({ path: process.execPath }));
 * await bearer.submit(new Fadvise({ descriptor, advice: FileAdvice.SEQUENTIAL }));
 * console.log('advised');
 * await bearer.submit(new Close({ descriptor }));
 * await bearer.close();
 * ```
 */
export class Fadvise extends OpCode<void> {
  override readonly code = OpNumber.FADVISE;
  override readonly name = 'FADVISE';
  override readonly since = '5.6';
  readonly #descriptor: Descriptor;
  readonly #advice: number;
  #position: number;
  #length: number;

  constructor(options: FadviseOptions) {
    super();
    const { descriptor, advice, position = 0, length = 0 } = options;
    this.#descriptor = descriptorArgument('advise', 'descriptor', descriptor);
    this.#advice = integerArgument('advise', 'advice', advice, 0, UINT32_MAX);
    this.#position = integerArgument('advise', 'position', position, 0);
    this.#length = integerArgument('advise', 'length', length, 0, UINT32_MAX);
  }

  /** Chooses another range for the next submission. */
  set(position: number, length: number): this {
    this.assertIdle();
    this.#position = integerArgument('advise', 'position', position, 0);
    this.#length = integerArgument('advise', 'length', length, 0, UINT32_MAX);
    return this;
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#descriptor);
    sqe.fileOffset(this.#position);
    sqe.length(this.#length | 0);
    sqe.flags(this.#advice | 0);
  }

  override complete(cqe: Cqe): void {
    this.result(cqe);
  }
}
