import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber } from '../../abi.generated.js';
import { descriptorArgument, integerArgument, UINT16_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';
import { type ScatterPart, Vector } from '../../vector.js';

/** Settings of a {@link WritevFixed}. */
export interface WritevFixedOptions {
  /** What to write to, regular or direct. */
  readonly descriptor: Descriptor;
  /** What to write, one part after the other: 1 to 1024 of kernel memory. */
  readonly data: readonly ScatterPart[];
  /** Registered buffer that all parts are in, 0 to 65535. */
  readonly bufferIndex: number;
  /** Where in the file. Default -1: at the file's own position, which moves on; needed for pipes. */
  readonly position?: number;
}

/**
 * Writes several parts of one registered buffer, whose pages the kernel need not look up.
 *
 * Result: bytes written, which may be fewer than asked for. Errors of note: EFAULT (no such registered buffer, or a part
 * outside of it). Kernel 6.15. pwritev(2), io_uring_prep_writev_fixed(3), io_uring_register_buffers(3).
 *
 * @throws {TypeError} `descriptor` is none, a part is no kernel memory
 * @throws {RangeError} no parts or more than 1024, a part outside of its memory, a `position` below -1, a `bufferIndex`
 * beyond 16 bits
 *
 * @example
 * ```ts
 * import { Arena, BufferPool, HeapMemory } from '@ringbearer/io-uring-buffer';
 * import { RawFd } from '@ringbearer/io-uring-fd';
 * import { dryRun, WritevFixed } from '@ringbearer/io-uring-opcode';
 *
 * // What would be submitted, with a pool that the ring knows as its registered buffer 0.
 * const pool = new BufferPool(new Arena(new HeapMemory(), 4096), { count: 2, size: 512 });
 * const data = [pool.take(), pool.take()];
 * const write = new WritevFixed({ descriptor: new RawFd(1), data, bufferIndex: 0 });
 * console.log(dryRun(write).words[0]! & 0xff); // 61: IORING_OP_WRITEV_FIXED
 * ```
 */
export class WritevFixed extends OpCode<number> {
  override readonly code = OpNumber.WRITEV_FIXED;
  override readonly name = 'WRITEV_FIXED';
  override readonly since = '6.15';
  readonly #descriptor: Descriptor;
  readonly #vector = new Vector();
  readonly #bufferIndex: number;
  #position: number;

  constructor(options: WritevFixedOptions) {
    super();
    const { descriptor, data, bufferIndex, position = -1 } = options;
    this.#descriptor = descriptorArgument('write', 'descriptor', descriptor);
    this.#vector.set('write', 'data', data, true);
    this.#bufferIndex = integerArgument('write', 'bufferIndex', bufferIndex, 0, UINT16_MAX);
    this.#position = integerArgument('write', 'position', position, -1);
  }

  /** Where in the file the next submission writes. */
  get position(): number {
    return this.#position;
  }
  set position(value: number) {
    this.assertIdle();
    this.#position = integerArgument('write', 'position', value, -1);
  }

  /** Chooses other bytes for the next submission. */
  set(data: readonly ScatterPart[]): this {
    this.assertIdle();
    this.#vector.set('write', 'data', data, true);
    return this;
  }

  override acquire(): void {
    this.#vector.acquire();
  }
  override release(): void {
    this.#vector.release();
  }
  override rollback(): void {
    this.#vector.rollback();
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#descriptor);
    this.#vector.prepare(sqe);
    sqe.bufferGroup(this.#bufferIndex);
    sqe.fileOffset(this.#position);
  }

  override complete(cqe: Cqe): number {
    return this.result(cqe);
  }
}
