import type { MapOptions, Mapping, MemorySource } from './memory-source.js';

/** Where the first mapping of a {@link HeapMemory} pretends to be. */
export interface HeapMemoryOptions {
  /** Low half of the address. Default 0. */
  readonly addressLow?: number;
  /** High half. Default 0xdead0000: no process has memory there. */
  readonly addressHigh?: number;
}

const PAGE = 4096;

/**
 * A memory source without a kernel, for tests and examples: ArrayBuffers with made-up addresses. A kernel that is given one
 * answers EFAULT. Programs use the bearer's source instead.
 *
 * @example
 * ```ts
 * import { Arena, HeapMemory } from '@ringbearer/io-uring-buffer';
 *
 * const memory = new HeapMemory();
 * const arena = new Arena(memory, 8192);
 * console.log(memory.mapped, arena.capacity); // 8192 8192
 * arena.close();
 * console.log(memory.mapped); // 0
 * ```
 */
export class HeapMemory implements MemorySource {
  readonly #high: number;
  #low: number;
  #mapped = 0;

  constructor(options: HeapMemoryOptions = {}) {
    this.#low = options.addressLow ?? 0;
    this.#high = options.addressHigh ?? 0xdead_0000;
  }

  /** Bytes in mappings that were not released. */
  get mapped(): number {
    return this.#mapped;
  }

  map(byteLength: number, _options?: MapOptions): Mapping {
    const length = Math.ceil(byteLength / PAGE) * PAGE;
    const addressLow = this.#low >>> 0;
    const addressHigh = this.#high + Math.floor(this.#low / 0x1_0000_0000);
    this.#low += length;
    this.#mapped += length;
    let held = true;
    return {
      bytes: new Uint8Array(length),
      addressLow,
      addressHigh,
      pageKind: '4k',
      release: () => {
        if (held) this.#mapped -= length;
        held = false;
      },
    };
  }
}
