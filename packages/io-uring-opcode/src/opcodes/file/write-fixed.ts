import type { Descriptor } from '@ringbearer/io-uring-fd';
import type { KernelMemory } from '@ringbearer/io-uring-owner';
import { OpNumber } from '../../abi.generated.js';
import { descriptorArgument, integerArgument, UINT16_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { type IntoMemory, ReceiveTarget } from '../../receive-target.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link WriteFixed}. */
export interface WriteFixedOptions extends IntoMemory {
  /** What to write to, regular or direct. */
  readonly descriptor: Descriptor;
  /** Registered buffer that `memory` is in, 0 to 65535. */
  readonly bufferIndex: number;
  /** Where in the file. Default -1: at the file's own position, which moves on; needed for pipes. */
  readonly position?: number;
}

/**
 * Writes from a registered buffer, whose pages the kernel need not look up: worth it for many transfers with O_DIRECT.
 *
 * Result: bytes written, which may be fewer than asked for. Errors of note: EFAULT (no such registered buffer, or memory
 * outside of it). Kernel 5.1. pwrite(2), io_uring_prep_write_fixed(3), io_uring_register_buffers(3).
 *
 * @throws {TypeError} `descriptor` is none, `memory` no kernel memory
 * @throws {RangeError} a range outside of the memory or empty, a `position` below -1, a `bufferIndex` beyond 16 bits
 *
 * @example
 * ```ts
 * import { Arena, BufferPool, HeapMemory } from '@ringbearer/io-uring-buffer';
 * import { RawFd } from '@ringbearer/io-uring-fd';
 * import { dryRun, WriteFixed } from '@ringbearer/io-uring-opcode';
 *
 * // What would be submitted, with a pool that the ring knows as its registered buffer 0.
 * const pool = new BufferPool(new Arena(new HeapMemory(), 4096), { count: 2, size: 512 });
 * const write = new WriteFixed({ descriptor: new RawFd(1), memory: pool.take(), bufferIndex: 0 });
 * console.log(dryRun(write).words[0]! & 0xff); // 5: IORING_OP_WRITE_FIXED
 * ```
 */
export class WriteFixed extends OpCode<number> {
  override readonly code = OpNumber.WRITE_FIXED;
  override readonly name = 'WRITE_FIXED';
  override readonly since = '5.1';
  readonly #descriptor: Descriptor;
  // The same as for receiving: kernel memory with its owner, and nothing else.
  readonly #source = new ReceiveTarget();
  #bufferIndex: number;
  #position: number;

  constructor(options: WriteFixedOptions) {
    super();
    const { descriptor, memory, offset, length, bufferIndex, position = -1 } = options;
    this.#descriptor = descriptorArgument('write', 'descriptor', descriptor);
    this.#source.setMemory('write', memory, offset, length);
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

  /** Chooses other memory, and the registered buffer it is in, for the next submission. */
  set(memory: KernelMemory, bufferIndex: number, offset?: number, length?: number): this {
    this.assertIdle();
    this.#source.setMemory('write', memory, offset, length);
    this.#bufferIndex = integerArgument('write', 'bufferIndex', bufferIndex, 0, UINT16_MAX);
    return this;
  }

  override acquire(): void {
    this.#source.acquire();
  }
  override release(): void {
    this.#source.release();
  }
  override rollback(): void {
    this.#source.rollback();
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#descriptor);
    this.#source.prepare(sqe);
    sqe.bufferGroup(this.#bufferIndex);
    sqe.fileOffset(this.#position);
  }

  override complete(cqe: Cqe): number {
    return this.result(cqe);
  }
}
