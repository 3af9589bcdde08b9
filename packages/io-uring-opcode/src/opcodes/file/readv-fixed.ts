import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber } from '../../abi.generated.js';
import { descriptorArgument, integerArgument, UINT16_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';
import { type ScatterPart, Vector } from '../../vector.js';

/** Settings of a {@link ReadvFixed}. */
export interface ReadvFixedOptions {
  /** What to read, regular or direct. */
  readonly descriptor: Descriptor;
  /** Where the bytes go, one part after the other: 1 to 1024. Up to 16 need nothing beside the record. */
  readonly memory: readonly ScatterPart[];
  /** Registered buffer that all parts are in, 0 to 65535. */
  readonly bufferIndex: number;
  /** First byte of the file to read. Default -1: at the file's own position, which moves on; needed for pipes. */
  readonly position?: number;
}

/**
 * Reads into several parts of one registered buffer, whose pages the kernel need not look up.
 *
 * Result: bytes read. Errors of note: EFAULT (no such registered buffer, or a part outside of it). Kernel 6.15.
 * preadv(2), io_uring_prep_readv_fixed(3), io_uring_register_buffers(3).
 *
 * @throws {TypeError} `descriptor` is none, a part is no kernel memory
 * @throws {RangeError} no parts or more than 1024, a part outside of its memory, a `position` below -1, a `bufferIndex`
 * beyond 16 bits
 *
 * @example
 * ```ts
 * import { Arena, BufferPool, HeapMemory } from '@ringbearer/io-uring-buffer';
 * import { RawFd } from '@ringbearer/io-uring-fd';
 * import { dryRun, ReadvFixed } from '@ringbearer/io-uring-opcode';
 *
 * // What would be submitted, with a pool that the ring knows as its registered buffer 0.
 * const pool = new BufferPool(new Arena(new HeapMemory(), 4096), { count: 2, size: 512 });
 * const memory = [pool.take(), pool.take()];
 * const read = new ReadvFixed({ descriptor: new RawFd(0), memory, bufferIndex: 0 });
 * console.log(dryRun(read).words[0]! & 0xff); // 60: IORING_OP_READV_FIXED
 * ```
 */
export class ReadvFixed extends OpCode<number> {
  override readonly code = OpNumber.READV_FIXED;
  override readonly name = 'READV_FIXED';
  override readonly since = '6.15';
  readonly #descriptor: Descriptor;
  readonly #vector = new Vector();
  readonly #bufferIndex: number;
  #position: number;

  constructor(options: ReadvFixedOptions) {
    super();
    const { descriptor, memory, bufferIndex, position = -1 } = options;
    this.#descriptor = descriptorArgument('read', 'descriptor', descriptor);
    this.#vector.set('read', 'memory', memory, true);
    this.#bufferIndex = integerArgument('read', 'bufferIndex', bufferIndex, 0, UINT16_MAX);
    this.#position = integerArgument('read', 'position', position, -1);
  }

  /** First byte of the file that the next submission reads. */
  get position(): number {
    return this.#position;
  }
  set position(value: number) {
    this.assertIdle();
    this.#position = integerArgument('read', 'position', value, -1);
  }

  /** Chooses other memory for the next submission. */
  set(memory: readonly ScatterPart[]): this {
    this.assertIdle();
    this.#vector.set('read', 'memory', memory, true);
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
