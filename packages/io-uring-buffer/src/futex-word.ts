import {
  type KernelMemory,
  Owner,
  OwnerState,
  type UnsafeMemory,
} from '@ringbearer/io-uring-owner';
import type { Arena } from './arena.js';
import { BufferError } from './buffer-error.js';
import { checkInteger } from './check.js';
import { MemoryRange } from './memory-range.js';

/** Finds the address of bytes JavaScript owns: writes its low and high half into `out`. The bearer has one. */
export type FutexAddressLookup = (bytes: ArrayBufferView, out: Uint32Array) => void;

/**
 * A 32-bit word that threads and operations wait on (FUTEX_WAIT, FUTEX_WAKE of io_uring: kernel 6.7; futex(2)). It may be
 * loaded and stored at any time, also while the kernel watches it, and any number of waits may be in flight: its
 * owner is shared.
 *
 * Changing the word wakes nobody: submit FUTEX_WAKE. `Atomics.notify` does not reach the kernel's waiters, and FUTEX_WAKE does
 * not reach `Atomics.wait`: V8 keeps a list of its own.
 *
 * @example
 * ```ts
 * import { Arena, FutexWord, HeapMemory } from '@ringbearer/io-uring-buffer';
 *
 * const word = FutexWord.inArena(new Arena(new HeapMemory(), 4096)); // in a program: the bearer's source
 * word.owner.lend(); // what two FUTEX_WAIT operations do
 * word.owner.lend();
 * word.store(1);
 * console.log(word.load(), word.owner.users); // 1 2
 * ```
 */
export class FutexWord implements KernelMemory {
  /**
   * A word in arena memory, in a cache line of its own.
   * @throws {BufferError} AT_CAPACITY (kind BufferBytes)
   */
  static inArena(arena: Arena, initial = 0): FutexWord {
    const range = arena.reserve(4);
    return FutexWord.at(range, initial, () => arena.vacate(range));
  }

  /**
   * A word of kernel memory that its holder sets aside: 4 bytes at a multiple of 4.
   * @param onRelease called once, when the word is released: the bytes may serve another
   * @throws {RangeError} not 4 bytes
   */
  static at(range: UnsafeMemory, initial = 0, onRelease: () => void = nothing): FutexWord {
    checkInteger('make a futex word', 'range.bytes.length', range.bytes.length, 4, 4);
    const { buffer, byteOffset } = range.bytes;
    const word = new FutexWord(new Int32Array(buffer, byteOffset, 1), range, onRelease);
    word.store(initial);
    return word;
  }

  /**
   * A word of shared memory. Each thread makes its own FutexWord over it. The memory stays where it is, and stays while this object or
   * an operation on it does.
   * @param onRelease called once, when the word is released
   * @throws {TypeError} no Int32Array on a SharedArrayBuffer: the memory of other arrays may move
   * @throws {RangeError} `index` outside of `words`
   */
  static over(
    words: Int32Array,
    index: number,
    lookup: FutexAddressLookup,
    onRelease: () => void = nothing,
  ): FutexWord {
    if (!(words instanceof Int32Array) || !(words.buffer instanceof SharedArrayBuffer))
      throw new TypeError(NOT_SHARED);
    checkInteger('make a futex word', 'index', index, 0, words.length - 1);
    const at = words.byteOffset + 4 * index;
    const bytes = new Uint8Array(words.buffer, at, 4);
    const address = new Uint32Array(2);
    lookup(bytes, address);
    const unsafe = new MemoryRange(
      { bytes, addressLow: address[0]!, addressHigh: address[1]! },
      0,
      4,
    );
    return new FutexWord(new Int32Array(words.buffer, at, 1), unsafe, onRelease);
  }

  readonly #cell: Int32Array;
  readonly #unsafe: UnsafeMemory;
  readonly #owner = new Owner({ shared: true });
  readonly #onRelease: () => void;
  #held = true;

  private constructor(cell: Int32Array, unsafe: UnsafeMemory, onRelease: () => void) {
    this.#cell = cell;
    this.#unsafe = unsafe;
    this.#onRelease = onRelease;
  }

  /** 4. */
  get byteLength(): number {
    return 4;
  }
  /** Shared; `owner.users` is the number of operations in flight on the word. */
  get owner(): Owner {
    this.#demandHeld();
    return this.#owner;
  }
  /** Address and bytes, unguarded. */
  get unsafe(): UnsafeMemory {
    this.#demandHeld();
    return this.#unsafe;
  }

  /** The word, as a signed integer. */
  load(): number {
    this.#demandHeld();
    return Atomics.load(this.#cell, 0);
  }
  /** Sets the word to the low 32 bits of `value`. */
  store(value: number): void {
    this.#demandHeld();
    Atomics.store(this.#cell, 0, value);
  }
  /** Sets the word to `replacement` where it is `expected`; returns what it was. */
  compareExchange(expected: number, replacement: number): number {
    this.#demandHeld();
    return Atomics.compareExchange(this.#cell, 0, expected, replacement);
  }
  /** Adds to the word; returns what it was. */
  add(value: number): number {
    this.#demandHeld();
    return Atomics.add(this.#cell, 0, value);
  }

  /**
   * Ends this object; shared memory stays as it is. Again: nothing happens.
   * @throws {BufferError} BUFFER_IN_USE while an operation waits on it
   */
  release(): void {
    if (!this.#held) return;
    if (this.#owner.state === OwnerState.Kernel) throw new BufferError('BUFFER_IN_USE', WAITED_ON);
    this.#held = false;
    this.#onRelease();
  }

  /** Releases the word. */
  [Symbol.dispose](): void {
    this.release();
  }

  #demandHeld(): void {
    if (!this.#held) throw new BufferError('BUFFER_RELEASED', RELEASED);
  }
}

const nothing = (): void => {};
const NOT_SHARED =
  'Cannot make a futex word as words must be an Int32Array on a SharedArrayBuffer: other memory may move';
const WAITED_ON =
  'Cannot release the futex word as an operation waits on it: wake or cancel that first';
const RELEASED = 'Cannot use a futex word after it was released';
