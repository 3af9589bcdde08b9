import { Owner, OwnerState } from '@ringbearer/io-uring-owner';
import type { Arena } from './arena.js';
import type { BufferArrivals } from './arrivals.js';
import { BidLedger } from './bid-ledger.js';
import { BufferError } from './buffer-error.js';
import { checkInteger } from './check.js';
import type { Lease } from './lease.js';
import { MemoryRange } from './memory-range.js';
import type { Provision, Removal } from './provision.js';
import { PROVIDED_BUFFER_BYTES_MAX } from './ring-entries.js';
import { UnsafeBuffers } from './unsafe-buffers.js';

/** Buffers one group may have: ids are 16 bits, and older kernels count them in 16 bits too. */
export const CLASSIC_BUFFERS_MAX = 65_535;

/** Sizes of a {@link ClassicBufferGroup}, fixed for life. */
export interface ClassicBufferGroupOptions {
  /** Group id, 0 to 65535. */
  readonly group: number;
  /** Buffers, 1 to {@link CLASSIC_BUFFERS_MAX}. */
  readonly count: number;
  /** Bytes of each, 1 to {@link PROVIDED_BUFFER_BYTES_MAX}. */
  readonly bufferBytes: number;
  /** Handed what to call for every completion that names a buffer of the group: the bearer's, and nobody else's. */
  readonly connect?: (arrivals: BufferArrivals) => void;
  /** Throws BUFFER_IN_USE while an operation that uses the group is in flight. */
  readonly assertUnused?: () => void;
  /** Called once, when the group has closed: nobody uses its memory any more. */
  readonly onClose?: () => void;
}

/**
 * Memory and books of a group that is provided with operations (PROVIDE_BUFFERS, REMOVE_BUFFERS; kernel 5.7) instead of a
 * ring in shared memory. Each return costs a submission: prefer {@link ProvidedBufferRing} from kernel 5.19 on.
 *
 * It submits nothing. `provision()` says what to submit next and marks those buffers as the kernel's.
 *
 * @example
 * ```ts
 * import { Arena, ClassicBufferGroup, HeapMemory } from '@ringbearer/io-uring-buffer';
 *
 * const arena = new Arena(new HeapMemory(), 64 * 2048); // in a program: the bearer's source
 * let arrivals; // the bearer keeps it
 * const connect = (it) => { arrivals = it; };
 * const group = new ClassicBufferGroup(arena, { group: 2, count: 64, bufferBytes: 2048, connect });
 * console.log(group.provision()?.count); // 64: submit it
 * arrivals.arrived(5, 11, false); // a completion said: buffer 5, 11 bytes
 * const lease = group.lease(5, 11);
 * lease.release();
 * console.log(group.provision()?.firstBid); // 5: submit it again
 * ```
 */
export class ClassicBufferGroup {
  readonly #group: number;
  readonly #count: number;
  readonly #bufferBytes: number;
  /** All buffers as raw memory, and where each starts. */
  readonly unsafe: UnsafeBuffers;
  readonly #arena: Arena;
  readonly #onClose: (() => void) | undefined;
  readonly #assertUnused: (() => void) | undefined;
  readonly #memory: MemoryRange;
  readonly #ledger: BidLedger;
  readonly #provisions = new Owner({ shared: true });
  #inKernel = 0;
  #removing = false;
  #open = true;

  /**
   * Cuts the buffers off `arena`; nothing is provided yet.
   * @throws {RangeError} sizes out of range
   * @throws {BufferError} AT_CAPACITY (kind BufferBytes)
   */
  constructor(arena: Arena, options: ClassicBufferGroupOptions) {
    const { group, count, bufferBytes } = options;
    checkInteger('make a buffer group', 'group', group, 0, 0xffff);
    checkInteger('make a buffer group', 'count', count, 1, CLASSIC_BUFFERS_MAX);
    checkInteger('make a buffer group', 'bufferBytes', bufferBytes, 1, PROVIDED_BUFFER_BYTES_MAX);
    this.#group = group;
    this.#count = count;
    this.#bufferBytes = bufferBytes;
    this.#arena = arena;
    this.#onClose = options.onClose;
    this.#memory = arena.reserve(count * bufferBytes);
    this.#assertUnused = options.assertUnused;
    this.unsafe = new UnsafeBuffers(this.#memory, bufferBytes);
    this.#ledger = new BidLedger(this.unsafe, group, count, bufferBytes, () => {});
    options.connect?.({
      incremental: false,
      arrived: (bid, length) => {
        if (this.#ledger.arrive(bid, Math.min(length, bufferBytes))) this.#left(1);
        return 0;
      },
      unused: (bid) => {
        if (!this.#ledger.isKernel(bid)) return;
        this.#ledger.withdraw(bid);
        this.#left(1);
      },
      giveBack: (bid) => this.recycle(bid),
    });
  }

  /** Group id: what operations name. */
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

  /** Buffers the kernel has, or was promised. */
  get available(): number {
    return this.#inKernel;
  }
  /** Buffers that completions named and nobody has brought back. */
  get outstanding(): number {
    return this.#ledger.outside;
  }
  /** Buffers that wait for a provision. */
  get idle(): number {
    return this.#count - this.#inKernel - this.#ledger.outside;
  }

  /**
   * The next run of neighbouring buffers to provide, or null when none waits. They count as the kernel's from now on.
   * @throws {BufferError} BUFFER_CLOSED after {@link close}, or while a removal is under way
   */
  provision(): Provision | null {
    this.#demandProviding();
    if (this.idle === 0) return null;
    let first = 0;
    while (!this.#ledger.isIdle(first)) first += 1;
    let end = first;
    while (end < this.#count && this.#ledger.isIdle(end)) end += 1;
    return this.#provide(first, end - first);
  }

  /**
   * Brings a buffer back that a completion named: what to submit for it alone.
   * @throws {BufferError} BUFFER_NOT_LENT when no completion named it, when it was brought back before, or is on lease
   */
  replenish(bid: number): Provision {
    this.#demandProviding();
    this.#ledger.recycle(bid);
    return this.#provide(bid, 1);
  }

  /** The kernel refused `provision`, or it was never submitted: its buffers wait again. */
  refused(provision: Provision): void {
    for (let i = 0; i < provision.count; i++) this.#ledger.withdraw(provision.firstBid + i);
    this.#left(provision.count);
  }

  /**
   * Brings a buffer back that a completion named without asking for a submission: the next `provision()` includes it.
   * @throws {BufferError} BUFFER_NOT_LENT
   */
  recycle(bid: number): void {
    this.#ledger.recycle(bid);
  }

  /**
   * Leases the first `length` bytes of what a completion brought into buffer `bid`.
   * @throws {RangeError} more bytes than it brought
   * @throws {BufferError} BUFFER_NOT_LENT when no completion named it, when it is on lease or back
   */
  lease(bid: number, length: number): Lease {
    return this.#ledger.lease(bid, length);
  }

  /**
   * What to submit to get all unused buffers back, or null when the kernel has none. The kernel does not tell which ones it
   * removes, so nothing is provided any more until all are accounted for: removed, or named by a completion that
   * was still under way. Asking again is allowed where the first removal failed.
   */
  removal(): Removal | null {
    if (this.#inKernel === 0) return null;
    this.#removing = true;
    return { group: this.#group, count: this.#inKernel };
  }

  /** The removal took `count` buffers: its `res`, or 0 when it failed. */
  removed(count: number): void {
    checkInteger('account for removed buffers', 'count', count, 0, this.#inKernel);
    this.#left(count);
  }

  /**
   * Gives the memory up and revokes every lease. Again: nothing happens.
   * @throws {BufferError} BUFFER_IN_USE while the kernel has a buffer, or an operation uses a lease
   */
  close(): void {
    if (!this.#open) return;
    if (this.#inKernel > 0 || this.#provisions.state === OwnerState.Kernel) {
      throw new BufferError('BUFFER_IN_USE', IN_KERNEL);
    }
    this.#assertUnused?.();
    this.#ledger.revoke();
    this.#open = false;
    this.#arena.vacate(this.#memory);
    this.#onClose?.();
  }

  /** Closes the group. */
  [Symbol.dispose](): void {
    this.close();
  }

  #provide(firstBid: number, count: number): Provision {
    for (let i = 0; i < count; i++) this.#ledger.give(firstBid + i);
    this.#inKernel += count;
    const byteLength = count * this.#bufferBytes;
    return Object.freeze({
      group: this.#group,
      firstBid,
      count,
      bufferBytes: this.#bufferBytes,
      owner: this.#provisions,
      byteLength,
      unsafe: new MemoryRange(this.unsafe, this.unsafe.offset(firstBid), byteLength),
    });
  }

  /** `count` buffers left the kernel. With the last one of a removal, the removed ones are known and wait. */
  #left(count: number): void {
    this.#inKernel -= count;
    if (!this.#removing || this.#inKernel > 0) return;
    for (let bid = 0; bid < this.#count; bid++)
      if (this.#ledger.isKernel(bid)) this.#ledger.withdraw(bid);
    this.#removing = false;
  }

  #demandProviding(): void {
    if (!this.#open || this.#removing) throw new BufferError('BUFFER_CLOSED', CLOSED);
  }
}

const CLOSED = 'Cannot provide buffers as the group is closed or its buffers are being removed';
const IN_KERNEL =
  'Cannot close the group as the kernel has buffers of it: submit removal() and wait';
