import type { KernelMemory } from '@ringbearer/io-uring-owner';
import { Errno, OpNumber } from '../../abi.generated.js';
import { integerArgument, show, UINT32_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { RECORD_BYTES } from '../../record-memory.js';
import type { Sqe } from '../../sqe.js';
import { FUTEX_PRIVATE_32, wordArgument } from './futex-word.js';

/** One word of many, and what it is expected to be. */
export interface FutexExpectation {
  /** The word to watch: a FutexWord of io-uring-buffer. */
  readonly word: KernelMemory;
  /** Wait only while the word is this, as a signed or unsigned 32-bit integer. */
  readonly expected: number;
}

/** Settings of a {@link FutexWaitV}. */
export interface FutexWaitVOptions {
  /** 1 to 128 words. Up to 10 need nothing beside the record. */
  readonly words: readonly FutexExpectation[];
}

/** Words one operation may watch: FUTEX_WAITV_MAX of the kernel. */
export const FUTEX_WORDS_MAX = 128;

// struct futex_waitv { u64 val; u64 uaddr; u32 flags; u32 reserved; }, as six words.
const ENTRY_WORDS = 6;

/**
 * Waits until any of several words is woken. {@link FutexWake} with a `mask` does not tell these waiters apart: they listen to
 * every wake-up of a word.
 *
 * Result: the index of a word that was woken, or `'not-equal'` when one was not what was expected, so that there was no
 * wait. Kernel 6.7. futex_waitv(2), io_uring_prep_futex_waitv(3).
 *
 * @throws {TypeError} `words` is no array, a word no kernel memory
 * @throws {RangeError} no words or more than 128, a word that is not 4 aligned bytes, `expected` no 32-bit integer
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { FutexWaitV, FutexWake } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const words = [bearer.buffers.futex(), bearer.buffers.futex()];
 * const expected = 0;
 * const woken = bearer.submit(new FutexWaitV({ words: words.map((word) => ({ word, expected })) }));
 * bearer.flush();
 * words[1]!.store(1);
 * await bearer.submit(new FutexWake({ word: words[1]! }));
 * console.log(await woken); // 1
 * for (const word of words) word.release();
 * await bearer.close();
 * ```
 *
 * @example
 * `Futex.waitAny` is this for the words of `bearer.futex()`:
 * ```ts
 * import { Futex, UringBearer } from '@ringbearer/io-uring-bearer';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const futexes = [bearer.futex(), bearer.futex()];
 * const woken = Futex.waitAny(futexes.map((futex) => ({ futex, expected: futex.load() })));
 * bearer.flush();
 * await futexes[1]!.wake();
 * console.log(await woken); // 1
 * for (const futex of futexes) futex.release();
 * await bearer.close();
 * ```
 */
export class FutexWaitV extends OpCode<number | 'not-equal'> {
  override readonly code = OpNumber.FUTEX_WAITV;
  override readonly name = 'FUTEX_WAITV';
  override readonly since = '6.7';
  #words: readonly FutexExpectation[] = [];
  /** Where the entries are prepared, and stay when they are too many for the record. Little-endian. */
  #entries = new Uint32Array(0);

  constructor(options: FutexWaitVOptions) {
    super();
    this.#choose(options.words);
  }

  /** Chooses words for the next submission. Waiting again after a wake-up: with what was just loaded. */
  set(words: readonly FutexExpectation[]): this {
    this.assertIdle();
    this.#choose(words);
    return this;
  }

  override acquire(): void {
    let lent = 0;
    try {
      for (const { word } of this.#words) {
        word.owner.lend();
        lent += 1;
      }
    } catch (error) {
      while (lent > 0) this.#words[--lent]!.word.owner.withdraw();
      throw error;
    }
  }
  override release(): void {
    for (const { word } of this.#words) word.owner.giveBack();
  }
  override rollback(): void {
    for (const { word } of this.#words) word.owner.withdraw();
  }

  override prepare(sqe: Sqe): void {
    const entries = this.#entries;
    this.#words.forEach(({ word, expected }, i) => {
      const at = i * ENTRY_WORDS;
      const { addressLow, addressHigh } = word.unsafe;
      entries[at] = expected;
      entries[at + 2] = addressLow;
      entries[at + 3] = addressHigh;
      entries[at + 4] = FUTEX_PRIVATE_32;
    });
    if (entries.byteLength <= RECORD_BYTES) {
      for (let i = 0; i < entries.length; i++) sqe.record.setUint32(4 * i, entries[i]!);
      sqe.recordAddress(0);
    } else {
      sqe.callerAddress(entries);
    }
    sqe.fd(0);
    sqe.length(this.#words.length);
  }

  override complete(cqe: Cqe): number | 'not-equal' {
    if (cqe.res === -Errno.EAGAIN) return 'not-equal';
    return this.result(cqe);
  }

  #choose(words: readonly FutexExpectation[]): void {
    if (!Array.isArray(words)) {
      throw new TypeError(`Cannot wait as words must be an array: current value is ${show(words)}`);
    }
    const count = integerArgument('wait', 'words.length', words.length, 1, FUTEX_WORDS_MAX);
    // What was checked is what is kept: whoever has the array and its elements may change them.
    this.#words = Array.from({ length: count }, (_, i) => {
      const { word, expected } = words[i] ?? {};
      wordArgument('wait', word);
      integerArgument('wait', 'expected', expected, -0x8000_0000, UINT32_MAX);
      return { word: word!, expected: expected! };
    });
    this.#entries = new Uint32Array(count * ENTRY_WORDS);
  }
}
