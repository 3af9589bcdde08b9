import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber } from '../../abi.generated.js';
import { descriptorArgument, integerArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';

/** Settings of an {@link Ftruncate}. */
export interface FtruncateOptions {
  /** A file open for writing, regular or direct. */
  readonly descriptor: Descriptor;
  /** Bytes the file shall have. */
  readonly length: number;
}

/**
 * Makes a file shorter, or longer with zeros.
 *
 * No result. Errors of note: EINVAL (not open for writing, or not a file), EFBIG. Kernel 6.9. It always runs in a worker of
 * the kernel's. ftruncate(2), io_uring_prep_ftruncate(3).
 *
 * @throws {TypeError} `descriptor` is none
 * @throws {RangeError} `length` is negative or no safe integer
 *
 * @example
 * ```ts
 * import { rmSync, statSync, writeFileSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Close, Ftruncate, OpenAt, OpenFlag } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const path = join(tmpdir(), `ftruncate-${process.pid}`);
 * writeFileSync(path, 'too long');
 * const descriptor = await bearer.submit(new OpenAt({ path, flags: OpenFlag.WRONLY }));
 * if (bearer.probe().has('FTRUNCATE')) {
 *   await bearer.submit(new Ftruncate({ descriptor, length: 3 }));
 *   console.log(statSync(path).size); // 3
 * }
 * await bearer.submit(new Close({ descriptor }));
 * rmSync(path);
 * await bearer.close();
 * ```
 */
export class Ftruncate extends OpCode<void> {
  override readonly code = OpNumber.FTRUNCATE;
  override readonly name = 'FTRUNCATE';
  override readonly since = '6.9';
  #descriptor: Descriptor;
  #length: number;

  constructor(options: FtruncateOptions) {
    super();
    this.#descriptor = descriptorArgument('truncate', 'descriptor', options.descriptor);
    this.#length = integerArgument('truncate', 'length', options.length, 0);
  }

  /** Chooses file and length for the next submission. */
  set(descriptor: Descriptor, length: number): this {
    this.assertIdle();
    this.#descriptor = descriptorArgument('truncate', 'descriptor', descriptor);
    this.#length = integerArgument('truncate', 'length', length, 0);
    return this;
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#descriptor);
    sqe.fileOffset(this.#length);
  }

  override complete(cqe: Cqe): void {
    this.result(cqe);
  }
}
