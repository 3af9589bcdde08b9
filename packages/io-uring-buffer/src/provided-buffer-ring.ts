import type { Arena } from './arena.js';
import { CACHE_LINE_BYTES, PAGE_BYTES } from './arena.js';
import { BidLedger } from './bid-ledger.js';
import type { BufferRegistrar } from './buffer-registrar.js';
import { checkInteger } from './check.js';
import type { Lease } from './lease.js';
import type { MemoryRange } from './memory-range.js';
import type { UnsafeBuffers } from './unsafe-buffers.js';

/** Entries a buffer ring may have: the kernel refuses 65536 as head and tail are 16 bits wide (io_uring/kbuf.c). */
export const BUFFER_RING_ENTRIES_MAX = 32_768;
/** Bytes one provided buffer may have: the most one read or receive transfers, MAX_RW_COUNT of linux/fs.h. */
export const PROVIDED_BUFFER_BYTES_MAX = 0x7fff_f000;

const ENTRY_BYTES = 16; // struct io_uring_buf: addr u64, len u32, bid u16, resv u16
const TAIL = 7; // u16 index: the tail lies over `resv` of the first entry

/** Sizes of a {@link ProvidedBufferRing}, fixed for life. */
export interface ProvidedBufferRingOptions {
  /** Group id, 0 to 65535. */
  readonly group: number;
  /** Buffers: a power of two, at most {@link BUFFER_RING_ENTRIES_MAX}. */
  readonly entries: number;
  /** Bytes of each, 1 to {@link PROVIDED_BUFFER_BYTES_MAX}. */
  readonly bufferBytes: number;
  /**
   * Called when `publish` showed the kernel buffers that came back, through `recycle` or a released lease (which publishes):
   * operations that ran out of buffers may be submitted again.
   */
  readonly onRefill?: () => void;
}

/**
 * A ring of buffers the kernel picks from when data arrives (IOU_PBUF_RING, kernel 5.19, io_uring_register_buf_ring(3)):
 * one group serves every connection, so memory follows activity and not the number of connections. An empty ring ends
 * receives with ENOBUFS; that is back-pressure, not failure.
 *
 * Every buffer whose id a completion names is outside until somebody brings it back, in one of two ways:
 * - `pick(bid)`, read in place under `unsafe`, `recycle(bid)`: the hot path, which allocates nothing;
 * - `lease(bid, length)`: a safe {@link Lease}; its `release` recycles.
 *
 * Recycled buffers are the kernel's only after `publish()`, called once per batch.
 *
 * @example
 * ```ts
 * import { Arena, HeapMemory, ProvidedBufferRing } from '@ringbearer/io-uring-buffer';
 *
 * // In a program source and registrar are the bearer's, and id and length come with a completion.
 * const registrar = { registerBufferRing() {}, unregisterBufferRing() {} };
 * const arena = new Arena(new HeapMemory(), ProvidedBufferRing.bytesNeeded(256, 4096));
 * const ring = new ProvidedBufferRing(arena, registrar, { group: 1, entries: 256, bufferBytes: 4096 });
 * const lease = ring.lease(17, 11);
 * console.log(lease.group, lease.id, lease.length, ring.available); // 1 17 11 255
 * lease.release();
 * ring.publish();
 * console.log(ring.available); // 256
 * ```
 */
export class ProvidedBufferRing {
  /** Arena bytes a ring of this size takes at most, alignment included. */
  static bytesNeeded(entries: number, bufferBytes: number): number {
    return PAGE_BYTES + entries * ENTRY_BYTES + CACHE_LINE_BYTES + entries * bufferBytes;
  }

  /** Group id: what operations name with `bufferSelect`. */
  readonly group: number;
  /** Buffers there are. */
  readonly entries: number;
  /** Bytes of each. */
  readonly bufferBytes: number;
  /** All buffers as raw memory, and where each starts. */
  readonly unsafe: UnsafeBuffers;
  readonly #arena: Arena;
  readonly #registrar: BufferRegistrar;
  readonly #ranges: readonly [MemoryRange, MemoryRange];
  readonly #ledger: BidLedger;
  readonly #words: Uint32Array;
  readonly #halfWords: Uint16Array;
  readonly #low: Uint32Array;
  readonly #high: Uint32Array;
  readonly #mask: number;
  #onRefill: (() => void) | undefined;
  #tail = 0;
  #published = 0;
  #enobufs = 0;
  #open = true;

  /**
   * Cuts ring and buffers off `arena`, registers the ring and gives the kernel every buffer.
   * @throws {RangeError} sizes out of range, or entries not a power of two
   * @throws {BufferError} AT_CAPACITY (kind BufferBytes)
   */
  constructor(arena: Arena, registrar: BufferRegistrar, options: ProvidedBufferRingOptions) {
    const { group, entries, bufferBytes } = options;
    checkInteger('make a buffer ring', 'group', group, 0, 0xffff);
    checkInteger('make a buffer ring', 'entries', entries, 1, BUFFER_RING_ENTRIES_MAX);
    checkInteger('make a buffer ring', 'bufferBytes', bufferBytes, 1, PROVIDED_BUFFER_BYTES_MAX);
    if ((entries & (entries - 1)) !== 0) throw new RangeError(NOT_POWER_OF_TWO);
    this.group = group;
    this.entries = entries;
    this.bufferBytes = bufferBytes;
    this.#arena = arena;
    this.#registrar = registrar;
    this.#mask = entries - 1;

    this.#ranges = reserve(arena, entries, bufferBytes);
    const [ring, memory] = this.#ranges;
    const { buffer, byteOffset } = ring.bytes;
    this.#words = new Uint32Array(buffer, byteOffset, entries * 4);
    this.#halfWords = new Uint16Array(buffer, byteOffset, entries * 8);
    this.#low = new Uint32Array(entries);
    this.#high = new Uint32Array(entries);
    for (let bid = 0; bid < entries; bid++) {
      const low = memory.addressLow + bid * bufferBytes;
      this.#low[bid] = low; // the view keeps the low 32 bits
      this.#high[bid] = memory.addressHigh + Math.floor(low / 0x1_0000_0000);
    }
    this.#ledger = new BidLedger(memory, group, entries, bufferBytes, (bid) => {
      this.#append(bid);
      this.publish();
    });
    this.unsafe = this.#ledger.unsafe;
    try {
      registrar.registerBufferRing({ group, entries, ring, flags: 0 });
    } catch (error) {
      arena.vacate(ring);
      arena.vacate(memory);
      throw error;
    }
    for (let bid = 0; bid < entries; bid++) this.#append(bid);
    this.publish();
    this.#onRefill = options.onRefill;
  }

  /** Buffers that completions named and nobody has brought back. */
  get outstanding(): number {
    return this.#ledger.outside;
  }
  /** Buffers brought back that the kernel does not see before the next `publish()`. */
  get unpublished(): number {
    return (this.#tail - this.#published) & 0xffff;
  }
  /** Buffers the kernel has, as far as completions read so far tell. */
  get available(): number {
    return this.entries - this.#ledger.outside - this.unpublished;
  }
  /** Operations that ended with ENOBUFS because this ring was empty. */
  get enobufs(): number {
    return this.#enobufs;
  }
  /** Counts one more of them. */
  noteEnobufs(): void {
    this.#enobufs += 1;
  }

  /**
   * A completion named buffer `bid`: it is outside until `recycle(bid)`.
   * @throws {BufferError} BUFFER_IN_USE when it was outside already
   */
  pick(bid: number): void {
    this.#ledger.pick(bid);
  }

  /**
   * Brings a picked buffer back. The kernel sees it after `publish()`.
   * @throws {BufferError} BUFFER_NOT_LENT when it was not picked, was recycled before, or is on lease
   */
  recycle(bid: number): void {
    this.#ledger.done(bid);
    this.#append(bid);
  }

  /**
   * Leases the first `length` bytes of the buffer that a completion named, picked before or not. Only for an id that a completion
   * has just named: that the kernel is done with a buffer which was not picked, the ring takes the caller's word for.
   * @throws {RangeError} more bytes than the buffer has
   * @throws {BufferError} BUFFER_NOT_LENT when it is on lease or recycled
   */
  lease(bid: number, length: number): Lease {
    return this.#ledger.lease(bid, length);
  }

  /** Shows the kernel everything recycled since the last call. One store, with release semantics. */
  publish(): void {
    if (this.#tail === this.#published) return;
    Atomics.store(this.#halfWords, TAIL, this.#tail);
    this.#published = this.#tail;
    this.#onRefill?.();
  }

  /**
   * Takes the ring from the kernel and revokes every lease. Cancel the group's operations first. Again: nothing happens.
   * @throws {BufferError} BUFFER_IN_USE while an operation uses a lease
   */
  unregister(): void {
    if (!this.#open) return;
    this.#ledger.revoke();
    this.#open = false;
    this.#registrar.unregisterBufferRing(this.group);
    for (const range of this.#ranges) this.#arena.vacate(range);
  }

  /** Unregisters the ring. */
  [Symbol.dispose](): void {
    this.unregister();
  }

  /** Idle -> Kernel: writes the next entry. Bytes 14 and 15 stay untouched: in the first entry they are the tail. */
  #append(bid: number): void {
    this.#ledger.give(bid);
    const at = (this.#tail & this.#mask) << 2;
    this.#words[at] = this.#low[bid]!;
    this.#words[at + 1] = this.#high[bid]!;
    this.#words[at + 2] = this.bufferBytes;
    this.#halfWords[(at << 1) + 6] = bid;
    this.#tail = (this.#tail + 1) & 0xffff;
  }
}

function reserve(arena: Arena, entries: number, bufferBytes: number): [MemoryRange, MemoryRange] {
  const ring = arena.reserve(entries * ENTRY_BYTES, PAGE_BYTES);
  try {
    return [ring, arena.reserve(entries * bufferBytes)];
  } catch (error) {
    arena.vacate(ring);
    throw error;
  }
}

const NOT_POWER_OF_TWO = 'Cannot make a buffer ring as entries must be a power of two';
