import { atCapacity, BufferError } from './buffer-error.js';
import { checkInteger } from './check.js';
import { MemoryRange } from './memory-range.js';
import type { MapOptions, Mapping, MemorySource, PageKind } from './memory-source.js';

/** Alignment of a range unless told otherwise: a cache line, so that two owners never share one. */
export const CACHE_LINE_BYTES = 64;
/** Alignment the kernel asks of a buffer ring: its page. 4096 on x86-64 and most arm64 systems. */
export const PAGE_BYTES = 4096;

/**
 * One mapping, cut from front to back. What is cut off is used until the arena goes: pools and rings keep their range
 * for life and do their own reuse, so nothing fragments.
 *
 * @example
 * ```ts
 * import { Arena, BufferPool, HeapMemory } from '@ringbearer/io-uring-buffer';
 *
 * const source = new HeapMemory(); // in a program: the bearer's
 * const arena = new Arena(source, 1 << 20, { hugePages: 'try' });
 * const pool = new BufferPool(arena, { count: 16, bufferBytes: 4096 });
 * console.log(arena.used, pool.available); // 65536 16
 * ```
 */
export class Arena {
  readonly #mapping: Mapping;
  readonly #capacity: number;
  #used = 0;
  readonly #tenants = new Set<MemoryRange>();
  #open = true;

  /**
   * Maps `byteLength` bytes.
   * @throws {RangeError} not an integer >= 1; and whatever the source throws
   */
  constructor(
    source: MemorySource,
    byteLength: number,
    options: MapOptions = { hugePages: 'never' },
  ) {
    checkInteger('map an arena', 'byteLength', byteLength, 1, Number.MAX_SAFE_INTEGER);
    this.#mapping = source.map(byteLength, options);
    this.#capacity = this.#mapping.bytes.byteLength;
  }

  /** Bytes there are. */
  get capacity(): number {
    return this.#capacity;
  }
  /** Bytes cut off so far, alignment included. */
  get used(): number {
    return this.#used;
  }
  /** Ranges that were not given back yet. */
  get tenants(): number {
    return this.#tenants.size;
  }
  /** What the memory is made of. */
  get pageKind(): PageKind {
    return this.#mapping.pageKind;
  }

  /**
   * Cuts off `byteLength` bytes at a multiple of `alignment` (a power of two, up to a page).
   * @throws {BufferError} AT_CAPACITY (kind BufferBytes), BUFFER_CLOSED
   */
  reserve(byteLength: number, alignment: number = CACHE_LINE_BYTES): MemoryRange {
    checkInteger('reserve arena memory', 'byteLength', byteLength, 1, Number.MAX_SAFE_INTEGER);
    if (!this.#open) throw new BufferError('BUFFER_CLOSED', CLOSED);
    const at = Math.ceil(this.#used / alignment) * alignment;
    if (at + byteLength > this.#capacity) {
      throw atCapacity('BufferBytes', this.#capacity, this.#used, byteLength);
    }
    this.#used = at + byteLength;
    const range = new MemoryRange(this.#mapping, at, byteLength);
    this.#tenants.add(range);
    return range;
  }

  /** The user of `range` is gone. Its bytes are not handed out again. */
  vacate(range: MemoryRange): void {
    this.#tenants.delete(range);
  }

  /**
   * Gives the mapping up. Again: nothing happens.
   * @throws {BufferError} BUFFER_IN_USE while a range is in use
   */
  close(): void {
    if (!this.#open) return;
    if (this.#tenants.size > 0) throw new BufferError('BUFFER_IN_USE', TENANTS);
    this.#open = false;
    this.#mapping.release();
  }

  /** Gives the memory up: `close`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

const CLOSED = 'Cannot reserve arena memory as the arena is closed';
const TENANTS =
  'Cannot close the arena as a pool, ring, group or word still uses it: close those first';
