import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber } from '../../abi.generated.js';
import { descriptorArgument, integerArgument, UINT32_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link Fallocate}. */
export interface FallocateOptions {
  /** A file open for writing, regular or direct. */
  readonly descriptor: Descriptor;
  /** First byte. Default 0. */
  readonly position?: number;
  /** Bytes, at least 1. */
  readonly length: number;
  /** Bits of {@link FallocateMode}. Default 0: allocate, and make the file longer where needed. */
  readonly mode?: number;
}

/**
 * Allocates, frees or zeroes a range of a file.
 *
 * No result. Errors of note: ENOSPC, EOPNOTSUPP (a mode the file system has not), EBADF (not open for writing), ENODEV (not
 * a file). Kernel 5.6. It always runs in a worker of the kernel's. fallocate(2), io_uring_prep_fallocate(3).
 *
 * @throws {TypeError} `descriptor` is none
 * @throws {RangeError} `position`, `length` or `mode` out of range
 *
 * @example
 * ```ts
 * import { rmSync, statSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Close, Fallocate, OpenAt, OpenFlag } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const path = join(tmpdir(), `fallocate-${process.pid}`);
 * const flags = OpenFlag.WRONLY | OpenFlag.CREAT;
 * const descriptor = await bearer.submit(new OpenAt({ path, flags }));
 * await bearer.submit(new Fallocate({ descriptor, length: 65_536 }));
 * console.log(statSync(path).size); // 65536
 * await bearer.submit(new Close({ descriptor }));
 * rmSync(path);
 * await bearer.close();
 * ```
 */
export class Fallocate extends OpCode<void> {
  override readonly code = OpNumber.FALLOCATE;
  override readonly name = 'FALLOCATE';
  override readonly since = '5.6';
  readonly #descriptor: Descriptor;
  #position: number;
  #length: number;
  readonly #mode: number;

  constructor(options: FallocateOptions) {
    super();
    const { descriptor, position = 0, length, mode = 0 } = options;
    this.#descriptor = descriptorArgument('allocate', 'descriptor', descriptor);
    this.#position = integerArgument('allocate', 'position', position, 0);
    this.#length = integerArgument('allocate', 'length', length, 1);
    this.#mode = integerArgument('allocate', 'mode', mode, 0, UINT32_MAX);
  }

  /** Chooses another range for the next submission. */
  set(position: number, length: number): this {
    this.assertIdle();
    this.#position = integerArgument('allocate', 'position', position, 0);
    this.#length = integerArgument('allocate', 'length', length, 1);
    return this;
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#descriptor);
    sqe.fileOffset(this.#position);
    // The length has 64 bits, so it is where the address is elsewhere; the mode is where the length is.
    sqe.address(this.#length | 0, Math.floor(this.#length / 0x1_0000_0000));
    sqe.length(this.#mode | 0);
  }

  override complete(cqe: Cqe): void {
    this.result(cqe);
  }
}
