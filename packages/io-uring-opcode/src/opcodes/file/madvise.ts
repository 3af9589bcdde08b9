import type { KernelMemory } from '@ringbearer/io-uring-owner';
import { OpNumber } from '../../abi.generated.js';
import { integerArgument, UINT32_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { ReceiveTarget } from '../../receive-target.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link Madvise}. */
export interface MadviseOptions {
  /** Whole pages: its address must be a multiple of the page size. */
  readonly memory: KernelMemory;
  /** One of {@link MemoryAdvice}. */
  readonly advice: number;
  /** First byte of `memory`, a multiple of the page size. Default 0. */
  readonly offset?: number;
  /** Bytes. Default: all from `offset`. */
  readonly length?: number;
}

/**
 * Tells the kernel how memory will be used. DONTNEED and FREE throw its content away, so the memory is the
 * kernel's until the completion, like that of a receive.
 *
 * No result. Errors of note: EINVAL (not whole pages, or advice this memory cannot have), ENOMEM. Kernel 5.6. It always runs
 * in a worker of the kernel's. madvise(2), io_uring_prep_madvise(3).
 *
 * @throws {TypeError} `memory` is no kernel memory
 * @throws {RangeError} a range outside of the memory or empty, `advice` out of range
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Madvise, MemoryAdvice } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const memory = bearer.allocate(65_536);
 * await bearer.submit(new Madvise({ memory, advice: MemoryAdvice.WILLNEED }));
 * console.log(memory.owner.name); // Returned
 * memory.release();
 * await bearer.close();
 * ```
 */
export class Madvise extends OpCode<void> {
  override readonly code = OpNumber.MADVISE;
  override readonly name = 'MADVISE';
  override readonly since = '5.6';
  readonly #target = new ReceiveTarget();
  readonly #advice: number;

  constructor(options: MadviseOptions) {
    super();
    const { memory, advice, offset, length } = options;
    this.#target.setMemory('advise', memory, offset, length);
    this.#advice = integerArgument('advise', 'advice', advice, 0, UINT32_MAX);
  }

  /** Chooses other memory for the next submission. */
  set(memory: KernelMemory, offset?: number, length?: number): this {
    this.assertIdle();
    this.#target.setMemory('advise', memory, offset, length);
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
    this.#target.prepare(sqe);
    sqe.flags(this.#advice | 0);
  }

  override complete(cqe: Cqe): void {
    this.result(cqe);
  }
}
