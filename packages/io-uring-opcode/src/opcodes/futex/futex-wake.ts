import type { KernelMemory } from '@ringbearer/io-uring-owner';
import { OpNumber } from '../../abi.generated.js';
import { integerArgument, UINT32_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';
import { FUTEX_MATCH_ANY, FUTEX_PRIVATE_32, wordArgument } from './futex-word.js';

/** Settings of a {@link FutexWake}. */
export interface FutexWakeOptions {
  /** The word whose waiters to wake: a FutexWord of io-uring-buffer. */
  readonly word: KernelMemory;
  /** Waiters to wake at most, 1 to 2^31 - 1. Default: all. */
  readonly count?: number;
  /** Waiters to reach: those whose bits and these meet. Default: all. */
  readonly mask?: number;
}

/**
 * Wakes {@link FutexWait} operations of any ring of this process, and threads blocked in futex(2), on a word. It does not
 * change the word: store first. It does not wake `Atomics.wait`, as V8 keeps its own list of waiters.
 *
 * Result: waiters woken. Kernel 6.7. futex(2), io_uring_prep_futex_wake(3).
 *
 * @throws {TypeError} `word` is no kernel memory
 * @throws {RangeError} `word` is not 4 aligned bytes, `count` or `mask` out of range
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { FutexWake } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const word = bearer.buffers.futex();
 * console.log(await bearer.submit(new FutexWake({ word }))); // 0: nobody waits
 * word.release();
 * await bearer.close();
 * ```
 *
 * @example
 * `bearer.futex()` has this as a method:
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const futex = bearer.futex();
 * const waits = [futex.wait(0), futex.wait(0), futex.wait(0)];
 * bearer.flush();
 * console.log(await futex.wake(2), await futex.wake()); // 2 1
 * console.log(await Promise.all(waits)); // [ 'ok', 'ok', 'ok' ]
 * futex.release();
 * await bearer.close();
 * ```
 */
export class FutexWake extends OpCode<number> {
  override readonly code = OpNumber.FUTEX_WAKE;
  override readonly name = 'FUTEX_WAKE';
  override readonly since = '6.7';
  readonly #word: KernelMemory;
  readonly #count: number;
  readonly #mask: number;

  constructor(options: FutexWakeOptions) {
    super();
    const { word, count = 0x7fff_ffff, mask = FUTEX_MATCH_ANY } = options;
    this.#word = wordArgument('wake', word);
    this.#count = integerArgument('wake', 'count', count, 1, 0x7fff_ffff);
    this.#mask = integerArgument('wake', 'mask', mask, 1, UINT32_MAX);
  }

  override acquire(): void {
    this.#word.owner.lend();
  }
  override release(): void {
    this.#word.owner.giveBack();
  }
  override rollback(): void {
    this.#word.owner.withdraw();
  }

  override prepare(sqe: Sqe): void {
    sqe.fd(FUTEX_PRIVATE_32);
    sqe.memory(this.#word, 0, 4);
    sqe.length(0);
    sqe.offset(this.#count);
    sqe.address3(this.#mask | 0, 0);
  }

  override complete(cqe: Cqe): number {
    return this.result(cqe);
  }
}
