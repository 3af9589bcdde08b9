import type { FutexWord } from '@ringbearer/io-uring-buffer';
import {
  FutexWait,
  type FutexWaited,
  FutexWaitV,
  FutexWake,
  type OpCode,
} from '@ringbearer/io-uring-opcode';

/** Whoever submits for a {@link Futex}: a bearer. */
export interface FutexBearer {
  /** As `UringBearer.submit`. */
  submit<Result>(operation: OpCode<Result>, options?: FutexWaitSettings): Promise<Result>;
}

/** How to wait. */
export interface FutexWaitSettings {
  /** Aborting asks the kernel to cancel; the Promise settles with what came first. */
  readonly signal?: AbortSignal;
}

/** One of the words of {@link Futex.waitAny}. */
export interface FutexExpected {
  /** The word. */
  readonly futex: Futex;
  /** Wait only while the word is this, a signed or unsigned 32-bit integer. */
  readonly expected: number;
}

/**
 * A 32-bit word on which threads wait without blocking: `wait` is an operation of this thread's ring, and whoever changes the word wakes
 * it from his own. `bearer.futex()` makes one in memory of this thread, `bearer.futex(words, index)` one over a SharedArrayBuffer,
 * that Workers share: each makes its own over the same memory.
 *
 * The rule that loses no wake-up: **store first, wake second; look first, wait second.** The kernel compares the word with
 * `expected` when it takes the entry, so a store between look and wait ends as `'not-equal'`. {@link waitWhile} does this.
 *
 * `Atomics.wait`, `waitAsync` and `notify` are something else: V8 keeps a list of its own and the kernel knows nothing of it. A
 * `notify` wakes no `Futex.wait`, and a `wake` no `Atomics.wait`, though the word may be the same. `Atomics.load`, `store` and the others
 * on that word are right, and what the methods here do.
 *
 * The words are private to the process (FUTEX2_PRIVATE). The kernel never writes them. Kernel 6.7, or `UNSUPPORTED_OPCODE`.
 * futex(2).
 *
 * @example
 * ```ts
 * import { once } from 'node:events';
 * import { isMainThread, Worker, workerData } from 'node:worker_threads';
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * if (isMainThread) {
 *   const words = new Int32Array(new SharedArrayBuffer(4));
 *   const worker = new Worker(new URL(import.meta.url), { workerData: words });
 *   const futex = bearer.futex(words, 0);
 *   console.log(await futex.waitWhile(0)); // 42
 *   futex.release();
 *   await once(worker, 'exit');
 * } else {
 *   const futex = bearer.futex(workerData, 0);
 *   futex.store(42);
 *   await futex.wake();
 * }
 * await bearer.close();
 * ```
 */
export class Futex {
  /** The word as memory of the kernel's, for operations of your own. */
  readonly word: FutexWord;
  readonly #bearer: FutexBearer;

  /** `bearer.futex` makes one. */
  constructor(bearer: FutexBearer, word: FutexWord) {
    this.#bearer = bearer;
    this.word = word;
  }

  /**
   * Waits until one of several words is woken: FUTEX_WAITV, 1 to 128 words of one bearer.
   *
   * @returns index of a word that was woken, or `'not-equal'` when one was not what was expected: look at all of them
   * @throws TypeError for words of several bearers, RangeError for their number, by rejecting; and as {@link wait}
   */
  static async waitAny(
    list: readonly FutexExpected[],
    settings: FutexWaitSettings = {},
  ): Promise<number | 'not-equal'> {
    if (!Array.isArray(list) || !list.every((one) => one?.futex instanceof Futex)) {
      throw new TypeError(NO_LIST);
    }
    const operation = new FutexWaitV({
      words: list.map(({ futex, expected }) => ({ word: futex.word, expected })),
    });
    const bearer = list[0]!.futex.#bearer;
    if (list.some(({ futex }) => futex.#bearer !== bearer)) throw new TypeError(SEVERAL_BEARERS);
    return bearer.submit(operation, settings);
  }

  /** The word, as a signed integer. */
  load(): number {
    return this.word.load();
  }
  /** Sets the word to the low 32 bits of `value`. It wakes nobody: {@link wake} does. */
  store(value: number): void {
    this.word.store(value);
  }
  /** Sets the word to `replacement` where it is `expected`; returns what it was. */
  compareExchange(expected: number, replacement: number): number {
    return this.word.compareExchange(expected, replacement);
  }
  /** Adds to the word; returns what it was. */
  add(value: number): number {
    return this.word.add(value);
  }

  /**
   * Waits until the word is woken, if it is `expected` when the kernel looks: at the end of this turn of the event loop, or at
   * `bearer.flush()`.
   *
   * @returns `'ok'`: somebody woke it, which does not say that it changed; `'not-equal'`: it was something else, there was no wait
   * @throws the signal's reason when the wait was aborted and not woken before; RangeError, BufferError, AtCapacity,
   *   UnsupportedOpcodeError, OpCodeError, all by rejecting
   */
  async wait(expected: number, settings: FutexWaitSettings = {}): Promise<FutexWaited> {
    return this.#bearer.submit(new FutexWait({ word: this.word, expected }), settings);
  }

  /**
   * Waits until the word is something else than `value`, however often it is woken before that.
   *
   * @returns what it is
   * @throws as {@link wait}
   */
  async waitWhile(value: number, settings: FutexWaitSettings = {}): Promise<number> {
    for (;;) {
      const found = this.load();
      if (found !== (value | 0)) return found;
      await this.wait(value, settings);
    }
  }

  /**
   * Wakes at most `count` of those who wait on the word: with {@link wait} or {@link waitAny}, on whatever ring of this process. Wake all
   * of them unless any one will do: a wake-up that reaches a thread which is just ending is gone.
   *
   * @param count 1 to 2^31 - 1. Default: all
   * @returns how many there were
   * @throws as {@link wait}, by rejecting
   */
  async wake(count?: number): Promise<number> {
    const { word } = this;
    return this.#bearer.submit(new FutexWake(count === undefined ? { word } : { word, count }));
  }

  /**
   * Ends this object and gives its one of Futexes back; shared memory stays as it is. Again: nothing happens.
   * @throws BufferError `BUFFER_IN_USE` while one of its operations is in flight
   */
  release(): void {
    this.word.release();
  }

  /** Releases the word. */
  [Symbol.dispose](): void {
    this.release();
  }
}

const NO_LIST = 'Cannot wait as every element must be { futex: a Futex, expected: a number }';
const SEVERAL_BEARERS =
  'Cannot wait as all words must be of one bearer: make each with the futex() of that bearer';
