import type { KernelMemory } from '@ringbearer/io-uring-owner';
import { Errno, OpNumber } from '../../abi.generated.js';
import { integerArgument, UINT32_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';
import { FUTEX_MATCH_ANY, FUTEX_PRIVATE_32, wordArgument } from './futex-word.js';

/** Settings of a {@link FutexWait}. */
export interface FutexWaitOptions {
  /** The word to watch: a FutexWord of io-uring-buffer. Any number of operations may watch it. */
  readonly word: KernelMemory;
  /** Wait only while the word is this, as a signed or unsigned 32-bit integer. */
  readonly expected: number;
  /** Wake-ups to listen to: a bit set shared with {@link FutexWake}. Default: all. */
  readonly mask?: number;
}

/** `'ok'`: somebody woke it. `'not-equal'`: the word was no longer what was expected, so there was no wait. As `Atomics.waitAsync`. */
export type FutexWaited = 'ok' | 'not-equal';

/**
 * Waits until another thread, or another ring, wakes the word: with {@link FutexWake} or futex(2). A ring can so wait for
 * a Worker without a thread that blocks. `Atomics.notify` does not wake it, as V8 keeps its own list of waiters:
 * store with `Atomics`, wake with {@link FutexWake}.
 *
 * Store first, wake second; and wait again after every wake-up, looking at the word first: a wake-up says that somebody
 * called, not that the word changed.
 *
 * Result: {@link FutexWaited}. Kernel 6.7. futex(2), io_uring_prep_futex_wait(3).
 *
 * @throws {TypeError} `word` is no kernel memory
 * @throws {RangeError} `word` is not 4 aligned bytes, `expected` no 32-bit integer, `mask` zero
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { FutexWait, FutexWake } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const word = bearer.buffers.futex();
 * const waited = bearer.submit(new FutexWait({ word, expected: 0 }));
 * bearer.flush(); // the wait begins now, not at the end of this turn of the event loop
 *
 * word.store(1); // in real life another thread does this
 * await bearer.submit(new FutexWake({ word }));
 * console.log(await waited, word.load()); // ok 1
 *
 * word.release();
 * await bearer.close();
 * ```
 *
 * @example
 * `bearer.futex()` has this as a method, and waits again by itself:
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const futex = bearer.futex(new Int32Array(new SharedArrayBuffer(4)), 0);
 * const changed = futex.waitWhile(0);
 * futex.store(7); // a Worker, over the same memory
 * await futex.wake();
 * console.log(await changed); // 7
 * futex.release();
 * await bearer.close();
 * ```
 */
export class FutexWait extends OpCode<FutexWaited> {
  override readonly code = OpNumber.FUTEX_WAIT;
  override readonly name = 'FUTEX_WAIT';
  override readonly since = '6.7';
  readonly #word: KernelMemory;
  #expected: number;
  readonly #mask: number;

  constructor(options: FutexWaitOptions) {
    super();
    const { word, expected, mask = FUTEX_MATCH_ANY } = options;
    this.#word = wordArgument('wait', word);
    this.#expected = expectedArgument(expected);
    this.#mask = integerArgument('wait', 'mask', mask, 1, UINT32_MAX);
  }

  /** What the next submission expects. Waiting again after a wake-up: set what was just loaded. */
  get expected(): number {
    return this.#expected;
  }
  set expected(value: number) {
    this.assertIdle();
    this.#expected = expectedArgument(value);
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
    sqe.length(0); // the size is in the flags: the kernel answers EINVAL to a length
    sqe.offset(this.#expected | 0); // the upper half stays 0, as the word has 32 bits
    sqe.address3(this.#mask | 0, 0);
  }

  override complete(cqe: Cqe): FutexWaited {
    if (cqe.res === -Errno.EAGAIN) return 'not-equal';
    this.result(cqe);
    return 'ok';
  }
}

function expectedArgument(value: number): number {
  return integerArgument('wait', 'expected', value, -0x8000_0000, UINT32_MAX);
}
