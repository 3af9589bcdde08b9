import type { UnsafeMemory } from '@ringbearer/io-uring-owner';
import type { MemoryRange } from './memory-range.js';

/**
 * The raw memory of a group of provided buffers, for code that parses in place: buffer `bid` is
 * `bytes[offset(bid)]` to `bytes[offset(bid) + size - 1]`. The bytes are stable from the completion that named the buffer
 * to its recycling, not longer.
 */
export class UnsafeBuffers implements UnsafeMemory {
  /** All buffers, one after the other, in the order of their ids. */
  readonly bytes: Uint8Array;
  readonly addressLow: number;
  readonly addressHigh: number;
  readonly #size: number;

  constructor(memory: MemoryRange, size: number) {
    this.bytes = memory.bytes;
    this.addressLow = memory.addressLow;
    this.addressHigh = memory.addressHigh;
    this.#size = size;
  }

  /** First byte of buffer `bid` in `bytes`. */
  offset(bid: number): number {
    return bid * this.#size;
  }
}
