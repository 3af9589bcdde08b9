import type { KernelMemory } from '@ringbearer/io-uring-owner';
import { MemoryAdvice, OpNumber } from '../../abi.generated.js';
import { show } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { ReceiveTarget } from '../../receive-target.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link Madvise}. */
export interface MadviseOptions {
  /** Whole pages of 4096 bytes: they are advised whole, and what is beside the memory is somebody else's. */
  readonly memory: KernelMemory;
  /** One of {@link MemoryAdvice}. */
  readonly advice: number;
  /** First byte of `memory`, at the start of a page. Default 0. */
  readonly offset?: number;
  /** Bytes, a multiple of 4096. Default: all from `offset`. */
  readonly length?: number;
}

/**
 * Tells the kernel how memory will be used. DONTNEED and FREE throw its content away, so the memory is the
 * kernel's until the completion, like that of a receive.
 *
 * No result. Errors of note: EINVAL (advice this memory cannot have), ENOMEM. Kernel 5.6. It always runs
 * in a worker of the kernel's. madvise(2), io_uring_prep_madvise(3).
 *
 * @throws {TypeError} `memory` is no kernel memory
 * @throws {RangeError} a range outside of the memory, empty, or not of whole pages; `advice` that is not in {@link MemoryAdvice}: some of
 * what madvise(2) knows takes memory away, and touching it ends the process
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
    if (!ADVICE.has(advice)) {
      throw new RangeError(
        `Cannot advise as advice must be one of MemoryAdvice: current value is ${show(advice)}`,
      );
    }
    this.#advice = advice;
    this.#choose(memory, offset, length);
  }

  /** Chooses other memory for the next submission. */
  set(memory: KernelMemory, offset?: number, length?: number): this {
    this.assertIdle();
    this.#choose(memory, offset, length);
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

  #choose(memory: KernelMemory, offset?: number, length?: number): void {
    this.#target.setMemory('advise', memory, offset, length);
    const from = memory.unsafe.addressLow + (offset ?? 0);
    const bytes = this.#target.length;
    // The kernel refuses a start inside of a page, and rounds the length up: DONTNEED would empty the lease behind this one.
    if (from % PAGE_BYTES !== 0 || bytes % PAGE_BYTES !== 0) {
      throw new RangeError(
        `Cannot advise as the range must be whole pages of ${PAGE_BYTES} bytes: current value is ${bytes} bytes, ${from % PAGE_BYTES} behind the start of a page`,
      );
    }
  }
}

const ADVICE: ReadonlySet<number> = new Set(Object.values(MemoryAdvice));
/** Pages of x86-64, and the least of arm64. */
const PAGE_BYTES = 4096;
