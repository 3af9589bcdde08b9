import type { Arena } from './arena.js';
import { CACHE_LINE_BYTES, PAGE_BYTES } from './arena.js';
import { checkInteger } from './check.js';
import type { MemoryRange } from './memory-range.js';
import { UnsafeBuffers } from './unsafe-buffers.js';

/** Entries a buffer ring may have: the kernel refuses 65536 as head and tail are 16 bits wide (io_uring/kbuf.c). */
export const BUFFER_RING_ENTRIES_MAX = 32_768;
/** Bytes one provided buffer may have: the most one read or receive transfers, MAX_RW_COUNT of linux/fs.h. */
export const PROVIDED_BUFFER_BYTES_MAX = 0x7fff_f000;

const ENTRY_BYTES = 16; // struct io_uring_buf: addr u64, len u32, bid u16, resv u16
const TAIL = 7; // u16 index: the tail lies over `resv` of the first entry

/** The memory a buffer ring shares with the kernel, and the buffers its entries point to. */
export class RingEntries {
  /** Arena bytes a ring of this size takes at most, alignment included. */
  static bytesNeeded(count: number, bufferBytes: number): number {
    return PAGE_BYTES + count * ENTRY_BYTES + CACHE_LINE_BYTES + count * bufferBytes;
  }

  /** The ring itself: what is registered. */
  readonly ring: MemoryRange;
  /** All buffers, one after the other. */
  readonly memory: MemoryRange;
  readonly unsafe: UnsafeBuffers;
  readonly #arena: Arena;
  readonly #words: Uint32Array;
  readonly #halfWords: Uint16Array;
  readonly #low: Uint32Array;
  readonly #high: Uint32Array;
  readonly #positions: Uint16Array;
  readonly #mask: number;
  #tail = 0;
  #published = 0;

  /**
   * @throws {RangeError} sizes out of range, or a count that is no power of two
   * @throws {BufferError} AT_CAPACITY (kind BufferBytes)
   */
  constructor(arena: Arena, group: number, count: number, bufferBytes: number) {
    checkInteger('make a buffer ring', 'group', group, 0, 0xffff);
    checkInteger('make a buffer ring', 'count', count, 1, BUFFER_RING_ENTRIES_MAX);
    checkInteger('make a buffer ring', 'bufferBytes', bufferBytes, 1, PROVIDED_BUFFER_BYTES_MAX);
    if ((count & (count - 1)) !== 0) {
      throw new RangeError(
        `Cannot make a buffer ring as count must be a power of two: current value is ${count}`,
      );
    }
    this.#arena = arena;
    this.#mask = count - 1;
    this.ring = arena.reserve(count * ENTRY_BYTES, PAGE_BYTES);
    try {
      this.memory = arena.reserve(count * bufferBytes);
    } catch (error) {
      arena.vacate(this.ring);
      throw error;
    }
    this.unsafe = new UnsafeBuffers(this.memory, bufferBytes);
    const { buffer, byteOffset } = this.ring.bytes;
    this.#words = new Uint32Array(buffer, byteOffset, count * 4);
    this.#halfWords = new Uint16Array(buffer, byteOffset, count * 8);
    this.#positions = new Uint16Array(count);
    this.#low = new Uint32Array(count);
    this.#high = new Uint32Array(count);
    for (let bid = 0; bid < count; bid++) {
      const low = this.memory.addressLow + bid * bufferBytes;
      this.#low[bid] = low; // the view keeps the low 32 bits
      this.#high[bid] = this.memory.addressHigh + Math.floor(low / 0x1_0000_0000);
    }
  }

  /** Entries written that the kernel does not see yet. */
  get unpublished(): number {
    return (this.#tail - this.#published) & 0xffff;
  }

  /** Writes the next entry. Bytes 14 and 15 stay untouched: in the first entry they are the tail. */
  append(bid: number, length: number): void {
    const at = (this.#tail & this.#mask) << 2;
    this.#words[at] = this.#low[bid]!;
    this.#words[at + 1] = this.#high[bid]!;
    this.#words[at + 2] = length;
    this.#halfWords[(at << 1) + 6] = bid;
    this.#positions[bid] = this.#tail;
    this.#tail = (this.#tail + 1) & 0xffff;
  }

  /** Shows the kernel what was appended: one store, with release semantics. False where there was nothing. */
  publish(): boolean {
    if (this.#tail === this.#published) return false;
    Atomics.store(this.#halfWords, TAIL, this.#tail);
    this.#published = this.#tail;
    return true;
  }

  /** Which turn of the ring buffer `bid` had last: 16 bits, counted from the first. The kernel takes buffers in this order. */
  positionOf(bid: number): number {
    return this.#positions[bid]!;
  }
  /** The buffer whose turn is `position`, as long as nothing was appended `count` turns later. */
  bidAt(position: number): number {
    return this.#halfWords[((position & this.#mask) << 3) + 6]!;
  }
  /** Nobody uses the memory any more. */
  vacate(): void {
    this.#arena.vacate(this.ring);
    this.#arena.vacate(this.memory);
  }
}
