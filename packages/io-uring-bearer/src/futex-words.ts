import { Arena, FutexWord, type MemoryRange } from '@ringbearer/io-uring-buffer';
import { addressOf } from '@ringbearer/native/ring';
import type { CapacityLedger } from './capacity.js';
import type { MemoryStore } from './memory-store.js';

/** Bytes of a cache line: words that different threads write must not share one. */
const WORD_BYTES = 64;

/** The futex words of one bearer, counted in Futexes: those in its own memory, and those over memory that Workers share. */
export class FutexWords {
  readonly #store: MemoryStore;
  readonly #ledger: CapacityLedger;
  #arena: Arena | null = null;
  readonly #free: MemoryRange[] = [];

  constructor(store: MemoryStore, ledger: CapacityLedger) {
    this.#store = store;
    this.#ledger = ledger;
  }

  /** A word that is 0, of memory mapped for that. A released word's serves the next. */
  make(): FutexWord {
    return this.#counted((release) => {
      const range = this.#free.pop() ?? this.#reserve();
      return FutexWord.at(range, 0, () => {
        this.#free.push(range);
        release();
      });
    });
  }

  /** A word of shared memory. */
  over(words: Int32Array, index: number): FutexWord {
    return this.#counted((release) => FutexWord.over(words, index, addressOf, release));
  }

  #counted(make: (release: () => void) => FutexWord): FutexWord {
    this.#ledger.take('Futexes');
    const release = (): void => this.#ledger.give('Futexes');
    try {
      return make(release);
    } catch (error) {
      release();
      throw error;
    }
  }

  #reserve(): MemoryRange {
    this.#arena ??= new Arena(
      { map: (byteLength) => this.#store.map(byteLength, false) },
      this.#ledger.limit('Futexes') * WORD_BYTES,
    );
    return this.#arena.reserve(4);
  }
}
