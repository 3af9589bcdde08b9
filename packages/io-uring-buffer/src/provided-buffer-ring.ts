import type { Arena } from './arena.js';
import type { BufferArrivals } from './arrivals.js';
import { BidLedger } from './bid-ledger.js';
import type { BufferRegistrar } from './buffer-registrar.js';
import type { Lease } from './lease.js';
import { LeaseRun } from './lease-run.js';
import type { PageKind } from './memory-source.js';
import { PieceLedger } from './piece-ledger.js';
import { Replenishing, type ReplenishPolicy } from './replenish.js';
import { classicArrivals, incrementalArrivals } from './ring-arrivals.js';
import { RingEntries } from './ring-entries.js';
import type { RingLedger } from './ring-ledger.js';
import type { UnsafeBuffers } from './unsafe-buffers.js';

/** Sizes of a {@link ProvidedBufferRing}, fixed for life. */
export interface ProvidedBufferRingOptions {
  /** Group id, 0 to 65535. */
  readonly group: number;
  /** Buffers: a power of two, at most {@link BUFFER_RING_ENTRIES_MAX}. */
  readonly count: number;
  /** Bytes of each, 1 to {@link PROVIDED_BUFFER_BYTES_MAX}. */
  readonly bufferBytes: number;
  /**
   * Ask the kernel to go on filling a buffer where it stopped (IOU_PBUF_RING_INC, kernel 6.12): few large buffers for many small
   * arrivals. Where it refuses, each arrival has a buffer: {@link ProvidedBufferRing.incremental} tells. Default false.
   */
  readonly incremental?: boolean;
  /** When the kernel is shown buffers that came back. Default `'release'`. */
  readonly replenish?: ReplenishPolicy;
  /**
   * Called when the kernel was shown buffers that came back: operations that ran out of buffers may be submitted again.
   */
  readonly onRefill?: () => void;
}

/**
 * A ring of buffers the kernel picks from when data arrives (IOU_PBUF_RING, kernel 5.19, io_uring_register_buf_ring(3)):
 * one group serves every connection, so memory follows activity and not the number of connections. An empty ring ends
 * receives with ENOBUFS; that is back-pressure, not failure.
 *
 * Every buffer that a completion names is outside until somebody brings it back, in one of two ways:
 * - read in place under `unsafe`, then `recycle(bid)`: the hot path, which allocates nothing;
 * - `lease(bid, length)`: a safe {@link Lease}; its `release` brings it back.
 *
 * Both take only what a completion of the bearer has named and nobody has brought back: an id out of thin air is refused, so the
 * bytes of a buffer that the kernel has cannot be reached.
 *
 * A completion of a **bundle** (kernel 6.10) names the first buffer of a run: {@link leaseRun}, or {@link next} and
 * {@link recycleRun}. In an **incremental** ring a completion names a piece of a buffer: give its offset with its id. A buffer is
 * the kernel's again when it is used up and every piece of it has come back.
 *
 * @example
 * ```ts
 * import { Arena, HeapMemory, ProvidedBufferRing } from '@ringbearer/io-uring-buffer';
 *
 * // In a program source and registrar are the bearer's: it keeps `arrivals`, and calls it for each completion.
 * let arrivals;
 * const registrar = { registerBufferRing: (it) => { arrivals = it.arrivals; }, unregisterBufferRing() {} };
 * const arena = new Arena(new HeapMemory(), ProvidedBufferRing.bytesNeeded(256, 4096));
 * const ring = new ProvidedBufferRing(arena, registrar, { group: 1, count: 256, bufferBytes: 4096 });
 * arrivals.arrived(17, 11, false);
 * const lease = ring.lease(17, 11);
 * console.log(lease.group, lease.id, lease.length, ring.available); // 1 17 11 255
 * lease.release();
 * console.log(ring.available); // 256
 * ```
 */
export class ProvidedBufferRing {
  /** Arena bytes a ring of this size takes at most, alignment included. */
  static bytesNeeded(count: number, bufferBytes: number): number {
    return RingEntries.bytesNeeded(count, bufferBytes);
  }

  readonly #group: number;
  readonly #count: number;
  readonly #bufferBytes: number;
  /** What the memory is made of. */
  readonly pageKind: PageKind;
  /** Granted: the kernel goes on where it stopped in a buffer. */
  readonly incremental: boolean;
  /** All buffers as raw memory, and where each starts. */
  readonly unsafe: UnsafeBuffers;
  readonly #registrar: BufferRegistrar;
  readonly #entries: RingEntries;
  readonly #ledger: RingLedger;
  readonly #replenishing: Replenishing;
  #onRefill: (() => void) | undefined;
  #enobufs = 0;
  #open = true;

  /**
   * Cuts ring and buffers off `arena`, registers the ring and gives the kernel every buffer.
   * @throws {RangeError} sizes out of range, or a count that is no power of two
   * @throws {TypeError} no replenishing policy
   * @throws {BufferError} AT_CAPACITY (kind BufferBytes)
   */
  constructor(arena: Arena, registrar: BufferRegistrar, options: ProvidedBufferRingOptions) {
    const { group, count, bufferBytes, incremental = false, replenish = 'release' } = options;
    this.#replenishing = new Replenishing(replenish, this);
    this.pageKind = arena.pageKind;
    const entries = new RingEntries(arena, group, count, bufferBytes);
    this.#group = group;
    this.#count = count;
    this.#bufferBytes = bufferBytes;
    this.#registrar = registrar;
    this.#entries = entries;
    this.unsafe = entries.unsafe;

    const back = (bid: number, released: boolean) => {
      this.#append(bid);
      this.#replenishing.cameBack(released);
    };
    const head = () => registrar.bufferRingHead?.(group) ?? 0;
    const port = { entries, replenishing: this.#replenishing, head, back };
    const giveBack = (bid: number, offset: number) => {
      this.recycleRun(bid, offset);
      this.publish();
    };
    const whole = () => {
      const ledger = new BidLedger(this.unsafe, group, count, bufferBytes, back);
      return { ledger, arrivals: classicArrivals(ledger, port, bufferBytes, giveBack) };
    };
    const pieces = () => {
      const ledger = new PieceLedger(this.unsafe, group, count, bufferBytes, back);
      return { ledger, arrivals: incrementalArrivals(ledger, port, bufferBytes, giveBack) };
    };
    const register = ({ arrivals }: { arrivals: BufferArrivals }): boolean => {
      const { ring } = entries;
      const asked = arrivals.incremental;
      return registrar.registerBufferRing({
        group,
        entries: count,
        ring,
        incremental: asked,
        arrivals,
      });
    };
    try {
      let books: { ledger: RingLedger; arrivals: BufferArrivals } = incremental
        ? pieces()
        : whole();
      if (!register(books)) {
        books = whole();
        register(books);
      }
      this.#ledger = books.ledger;
      this.incremental = books.arrivals.incremental;
    } catch (error) {
      entries.vacate();
      throw error;
    }
    for (let bid = 0; bid < count; bid++) this.#append(bid);
    this.publish();
    this.#onRefill = options.onRefill;
  }

  /** Group id: what operations name with `bufferSelect`. */
  get group(): number {
    return this.#group;
  }
  /** Buffers there are. */
  get count(): number {
    return this.#count;
  }
  /** Bytes of each. */
  get bufferBytes(): number {
    return this.#bufferBytes;
  }

  /** Buffers that completions named, that the kernel is done with, and that nobody has brought back. */
  get outstanding(): number {
    return this.#ledger.outside;
  }
  /** Buffers brought back that the kernel does not see before the next `publish()`. */
  get unpublished(): number {
    return this.#entries.unpublished;
  }
  /** Buffers the kernel has, as far as completions read so far tell. */
  get available(): number {
    return this.#count - this.#ledger.outside - this.#entries.unpublished;
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
   * Brings back what a completion named, once it is read. The kernel sees it after `publish()`.
   * @param offset where it starts in the buffer: not 0 in incremental rings only
   * @throws {BufferError} BUFFER_NOT_LENT when no completion named it, when it was recycled before, or is on lease
   */
  recycle(bid: number, offset = 0): void {
    this.#ledger.recycle(bid, offset);
  }

  /** {@link recycle} for all buffers of one completion, which named `bid`. @throws {BufferError} BUFFER_NOT_LENT */
  recycleRun(bid: number, offset = 0): void {
    let current = bid;
    let at = offset;
    do {
      const next = this.#ledger.next(current, at);
      this.#ledger.recycle(current, at);
      current = next;
      at = 0;
    } while (current >= 0);
  }

  /**
   * The buffer in which the bytes of the same completion go on (from its first byte), or -1. Ask before `bid` is recycled or leased.
   * @throws {BufferError} BUFFER_NOT_LENT
   */
  next(bid: number, offset = 0): number {
    return this.#ledger.next(bid, offset);
  }

  /** Bytes that a completion brought into `bid` at `offset`. @throws {BufferError} BUFFER_NOT_LENT */
  lengthOf(bid: number, offset = 0): number {
    return this.#ledger.lengthOf(bid, offset);
  }

  /**
   * Leases the first `length` bytes of what a completion brought into buffer `bid`.
   * @param offset where they start in the buffer: not 0 in incremental rings only
   * @throws {RangeError} more bytes than the completion brought into this buffer; of a bundle, the rest is in others
   * @throws {BufferError} BUFFER_NOT_LENT when no completion named it, when it is on lease or recycled
   */
  lease(bid: number, length: number, offset = 0): Lease {
    return this.#ledger.lease(bid, length, offset);
  }

  /**
   * Leases all that one completion brought, also where that is more than one buffer.
   * @param bid the buffer that the completion named
   * @throws {BufferError} BUFFER_NOT_LENT
   */
  leaseRun(bid: number, offset = 0): LeaseRun {
    const leases: Lease[] = [];
    let current = bid;
    let at = offset;
    do {
      const next = this.#ledger.next(current, at);
      leases.push(this.#ledger.lease(current, this.#ledger.lengthOf(current, at), at));
      current = next;
      at = 0;
    } while (current >= 0);
    return new LeaseRun(leases);
  }

  /** Shows the kernel everything that came back since the last call. One store, with release semantics. */
  publish(): void {
    if (this.#open && this.#entries.publish()) this.#onRefill?.();
  }

  /**
   * Takes the ring from the kernel and revokes every lease. Cancel the group's operations first. Again: nothing happens.
   * @throws {BufferError} BUFFER_IN_USE while an operation uses the group, or a lease
   */
  unregister(): void {
    if (!this.#open) return;
    this.#registrar.assertUnused?.(this.#group);
    this.#ledger.revoke();
    this.#open = false;
    this.#registrar.unregisterBufferRing(this.#group);
    this.#entries.vacate();
  }

  /** Unregisters the ring. */
  [Symbol.dispose](): void {
    this.unregister();
  }

  /** Idle -> Kernel. */
  #append(bid: number): void {
    this.#ledger.give(bid);
    this.#entries.append(bid, this.#bufferBytes);
  }
}
