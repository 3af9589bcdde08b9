import type { Descriptor } from '@ringbearer/io-uring-fd';
import type { KernelMemory } from '@ringbearer/io-uring-owner';
import { OpNumber } from '../../abi.generated.js';
import { descriptorArgument, integerArgument, UINT16_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { type IntoMemory, ReceiveTarget } from '../../receive-target.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link ReadFixed}. */
export interface ReadFixedOptions extends IntoMemory {
  /** What to read, regular or direct. */
  readonly descriptor: Descriptor;
  /** Registered buffer that `memory` is in, 0 to 65535. */
  readonly bufferIndex: number;
  /** First byte of the file to read. Default -1: at the file's own position, which moves on; needed for pipes. */
  readonly position?: number;
}

/**
 * Reads into a registered buffer, whose pages the kernel need not look up: worth it for many transfers with O_DIRECT.
 *
 * Result: bytes read; 0 is the end of the file. Errors of note: EFAULT (no such registered buffer, or memory outside of
 * it). Kernel 5.1. pread(2), io_uring_prep_read_fixed(3), io_uring_register_buffers(3).
 *
 * @throws {TypeError} `descriptor` is none, `memory` no kernel memory
 * @throws {RangeError} a range outside of the memory or empty, a `position` below -1, a `bufferIndex` beyond 16 bits
 *
 * @example
 * ```ts
 * import { Arena, BufferPool, HeapMemory } from '@ringbearer/io-uring-buffer';
 * import { RawFd } from '@ringbearer/io-uring-fd';
 * import { dryRun, ReadFixed } from '@ringbearer/io-uring-opcode';
 *
 * // What would be submitted, with a pool that the ring knows as its registered buffer 0.
 * const pool = new BufferPool(new Arena(new HeapMemory(), 4096), { count: 2, size: 512 });
 * const read = new ReadFixed({ descriptor: new RawFd(0), memory: pool.take(), bufferIndex: 0 });
 * console.log(dryRun(read).words[0]! & 0xff); // 4: IORING_OP_READ_FIXED
 * ```
 */
export class ReadFixed extends OpCode<number> {
  override readonly code = OpNumber.READ_FIXED;
  override readonly name = 'READ_FIXED';
  override readonly since = '5.1';
  readonly #descriptor: Descriptor;
  readonly #target = new ReceiveTarget();
  #bufferIndex: number;
  #position: number;

  constructor(options: ReadFixedOptions) {
    super();
    const { descriptor, memory, offset, length, bufferIndex, position = -1 } = options;
    this.#descriptor = descriptorArgument('read', 'descriptor', descriptor);
    this.#target.setMemory('read', memory, offset, length);
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

  /** Chooses other memory, and the registered buffer it is in, for the next submission. */
  set(memory: KernelMemory, bufferIndex: number, offset?: number, length?: number): this {
    this.assertIdle();
    this.#target.setMemory('read', memory, offset, length);
    this.#bufferIndex = integerArgument('read', 'bufferIndex', bufferIndex, 0, UINT16_MAX);
    return this;
  }

  override acquire(): void {
    this.#target.acquire();
  }
  override release(): void {
    this.#target.release();
  }
  override rollback(): void {
    this.#target.rollback();
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#descriptor);
    this.#target.prepare(sqe);
    sqe.bufferGroup(this.#bufferIndex);
    sqe.fileOffset(this.#position);
  }

  override complete(cqe: Cqe): number {
    return this.result(cqe);
  }
}
