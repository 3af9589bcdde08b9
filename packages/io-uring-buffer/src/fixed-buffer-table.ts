import { type KernelMemory, type Owner, OwnerState } from '@ringbearer/io-uring-owner';
import { atCapacity, BufferError } from './buffer-error.js';
import { checkInteger } from './check.js';
import {
  FixedBuffer,
  type FixedBufferHome,
  type FixedBufferSource,
  type FixedMemory,
  fixedMemory,
} from './fixed-buffer.js';
import type { FixedBufferRegistrar } from './fixed-buffer-registrar.js';

/** Slots a table of registered buffers may have: IORING_MAX_REG_BUFFERS of io_uring/rsrc.h. */
export const FIXED_BUFFERS_MAX = 1 << 14;

/** Size of a {@link FixedBufferTable}, fixed for life. */
export interface FixedBufferTableOptions {
  /** Slots, 0 to {@link FIXED_BUFFERS_MAX}. */
  readonly capacity: number;
  /** Told how many slots are about to be taken, and, as a negative number, how many were given back. What it throws refuses them. */
  readonly onSlots?: (slots: number) => void;
}

/** What to clone, and where to: {@link FixedBufferTable.clone}. */
export interface FixedBufferCloneOptions {
  /** First slot of the source. Default 0. */
  readonly from?: number;
  /** Slots, empty ones included. Default: all from `from` to the last that is taken. */
  readonly count?: number;
  /** First slot of this table. Default: `from`, so that an index means the same in both. */
  readonly to?: number;
  /** Slots here that hold a buffer lose it. Default false: they are refused. */
  readonly replace?: boolean;
}

/**
 * The books of the kernel's table of registered buffers: who has which slot, and which operations use it. The kernel hears of the
 * table when the first buffer comes, so that one nobody uses costs nothing.
 *
 * A buffer is not taken out, nor replaced, while an operation uses it.
 *
 * @example
 * ```ts
 * import { Arena, BufferPool, FixedBufferTable, HeapMemory } from '@ringbearer/io-uring-buffer';
 *
 * // In a program it is bearer.buffers.fixed; this stands in for the kernel.
 * const registrar = { ring: {}, registerSparse() {}, update() {}, clone() {}, unregister() {} };
 * const table = new FixedBufferTable(registrar, { capacity: 16 });
 * const pool = new BufferPool(new Arena(new HeapMemory(), 65_536), { count: 16, bufferBytes: 4096 });
 * const buffer = table.add(pool);
 * console.log(buffer.index, buffer.byteLength, table.used); // 0 65536 1
 * console.log(buffer.contains(pool.take())); // true
 * buffer.remove();
 * ```
 */
export class FixedBufferTable {
  /** Slots there are. */
  readonly capacity: number;
  readonly #registrar: FixedBufferRegistrar;
  readonly #onSlots: ((slots: number) => void) | undefined;
  readonly #slots: (FixedBuffer | null)[];
  readonly #home: FixedBufferHome;
  /** No slot in front of this one is free. */
  #firstFree = 0;
  #used = 0;
  #known = false;
  #open = true;

  /** @throws {RangeError} a capacity out of range */
  constructor(registrar: FixedBufferRegistrar, options: FixedBufferTableOptions) {
    const { capacity, onSlots } = options;
    checkInteger('make a table of buffers', 'capacity', capacity, 0, FIXED_BUFFERS_MAX);
    this.capacity = capacity;
    this.#registrar = registrar;
    this.#onSlots = onSlots;
    this.#slots = new Array(capacity).fill(null);
    this.#home = {
      ring: registrar.ring,
      at: (index) => this.#slots[index]!,
      remove: (buffer) => this.remove(buffer),
    };
  }

  /** Slots that hold a buffer. */
  get used(): number {
    return this.#used;
  }

  /** What slot `index` holds; null for nothing, or no such slot. */
  at(index: number): FixedBuffer | null {
    return this.#slots[index] ?? null;
  }

  /**
   * Registers memory in the lowest free slot. Its pages are pinned, so they take real memory now, and count against
   * RLIMIT_MEMLOCK unless the process has CAP_IPC_LOCK.
   *
   * @throws {TypeError} no memory
   * @throws {RangeError} no bytes, or more than {@link FIXED_BUFFER_BYTES_MAX}
   * @throws {BufferError} AT_CAPACITY, BUFFER_RELEASED, BUFFER_CLOSED
   * @throws {OwnerError} OWNER_KERNEL: an operation has it now; and whatever the registration throws
   */
  add(source: FixedBufferSource): FixedBuffer {
    this.#demandOpen();
    const memory = demandIdle(fixedMemory(source));
    this.#onSlots?.(1);
    let slot = this.#firstFree;
    try {
      if (this.#used === this.capacity) {
        throw atCapacity('RegisteredBuffers', this.capacity, this.#used, 1);
      }
      while (this.#slots[slot] !== null) slot++;
      this.#registerTable();
      this.#registrar.update(slot, memory.unsafe);
    } catch (error) {
      this.#onSlots?.(-1);
      throw error;
    }
    this.#used += 1;
    this.#firstFree = slot + 1;
    return this.#put(slot, memory);
  }

  /**
   * Puts other memory in the slot of `buffer`, which is void from then on.
   * @returns what is in the slot now
   * @throws {BufferError} BUFFER_IN_USE while an operation uses it, BUFFER_NOT_REGISTERED; and what {@link add} throws
   */
  update(buffer: FixedBuffer, source: FixedBufferSource): FixedBuffer {
    const slot = this.#demandUnused(buffer);
    const memory = demandIdle(fixedMemory(source));
    this.#registrar.update(slot, memory.unsafe);
    unregisterOwner(buffer.whole);
    return this.#put(slot, memory);
  }

  /**
   * Empties the slot of `buffer`, which is void from then on.
   * @throws {BufferError} BUFFER_IN_USE while an operation uses it, BUFFER_NOT_REGISTERED
   */
  remove(buffer: FixedBuffer): void {
    const slot = this.#demandUnused(buffer);
    this.#registrar.update(slot, null);
    this.#slots[slot] = null;
    this.#firstFree = Math.min(this.#firstFree, slot);
    this.#used -= 1;
    unregisterOwner(buffer.whole);
    this.#onSlots?.(-1);
  }

  /**
   * Makes buffers of another ring of this thread known to this one. Nothing is pinned, or counted against RLIMIT_MEMLOCK, a second time. The
   * memory keeps its one owner: two rings cannot have it in flight at once. Either table may go first.
   *
   * @returns what each slot of the range holds now, null where the source has none
   * @throws {RangeError} slots that one of the tables does not have
   * @throws {BufferError} BUFFER_IN_USE: a slot here holds a buffer (see `replace`) or an operation uses it; BUFFER_CLOSED
   */
  clone(source: FixedBufferTable, options: FixedBufferCloneOptions = {}): (FixedBuffer | null)[] {
    this.#demandOpen();
    source.#demandOpen();
    if (source === this) throw new RangeError(SAME_TABLE);
    const { from = 0, to = from, replace = false } = options;
    checkInteger('clone buffers', 'from', from, 0, source.capacity);
    const count = options.count ?? Math.max(source.#extent - from, 0);
    checkInteger('clone buffers', 'count', count, 0, source.capacity - from);
    checkInteger('clone buffers', 'to', to, 0, this.capacity - count);
    if (count === 0) return [];
    let more = 0;
    for (let i = 0; i < count; i++) {
      const here = this.#slots[to + i]!;
      if (source.#slots[from + i] !== null) more += 1;
      if (here === null) continue;
      if (!replace) throw new BufferError('BUFFER_IN_USE', OCCUPIED);
      this.#demandUnused(here);
      more -= 1;
    }
    if (more > 0) this.#onSlots?.(more);
    try {
      source.#registerTable(); // may have been nothing but empty slots
      this.#registerTable();
      this.#registrar.clone(source.#registrar, { from, to, count });
    } catch (error) {
      if (more > 0) this.#onSlots?.(-more);
      throw error;
    }
    if (more < 0) this.#onSlots?.(more);
    this.#used += more;
    this.#firstFree = Math.min(this.#firstFree, to);
    return Array.from({ length: count }, (_, i) => {
      unregisterOwner(this.#slots[to + i]?.whole ?? null);
      const original = source.#slots[from + i]!;
      this.#slots[to + i] =
        original === null ? null : new FixedBuffer(this.#home, to + i, original);
      return this.#slots[to + i]!;
    });
  }

  /**
   * Drops the table: every buffer is void. Again: nothing happens.
   * @throws {BufferError} BUFFER_IN_USE while an operation uses one
   */
  close(): void {
    if (!this.#open) return;
    for (const buffer of this.#slots) if (buffer !== null) this.#demandUnused(buffer);
    if (this.#known) this.#registrar.unregister();
    this.#open = false;
    const used = this.#used;
    for (const buffer of this.#slots) unregisterOwner(buffer?.whole ?? null);
    this.#slots.fill(null);
    this.#used = 0;
    if (used > 0) this.#onSlots?.(-used);
  }

  /** {@link close}, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Slots up to the last that is taken. */
  get #extent(): number {
    let extent = this.capacity;
    while (extent > 0 && this.#slots[extent - 1] === null) extent--;
    return extent;
  }

  #registerTable(): void {
    if (this.#known) return;
    this.#registrar.registerSparse(this.capacity);
    this.#known = true;
  }

  #put(slot: number, memory: FixedMemory): FixedBuffer {
    const buffer = new FixedBuffer(this.#home, slot, memory);
    this.#slots[slot] = buffer;
    const owner = ownerOf(memory.whole);
    if (owner?.idle && owner.state !== OwnerState.Registered) owner.register();
    return buffer;
  }

  #demandOpen(): void {
    if (!this.#open) throw new BufferError('BUFFER_CLOSED', CLOSED);
  }

  /** Its slot. */
  #demandUnused(buffer: FixedBuffer): number {
    const slot = buffer.index;
    if (this.#slots[slot] !== buffer) throw new BufferError('BUFFER_NOT_REGISTERED', OTHER_TABLE);
    if (buffer.users > 0) throw new BufferError('BUFFER_IN_USE', IN_FLIGHT);
    return slot;
  }
}

function demandIdle(memory: FixedMemory): FixedMemory {
  const { whole } = memory;
  // The error that says why.
  if (whole !== null && whole.owner.state === OwnerState.Kernel) whole.owner.register();
  return memory;
}

/** Null also for a lease that was released: its owner is somebody else's by now. */
function ownerOf(memory: KernelMemory | null): Owner | null {
  try {
    return memory?.owner ?? null;
  } catch {
    return null;
  }
}

function unregisterOwner(memory: KernelMemory | null): void {
  const owner = ownerOf(memory);
  const state = owner?.state;
  if (state === OwnerState.Registered || state === OwnerState.Reusable) owner!.unregister();
}

const CLOSED = 'Cannot use a table of registered buffers that is closed';
const SAME_TABLE =
  'Cannot clone buffers as source and destination are one table: add the memory again';
const OCCUPIED =
  'Cannot clone buffers as a slot holds another: remove that, choose other slots with "to", or pass replace: true';
const OTHER_TABLE = 'Cannot use a registered buffer of another table: clone it, or add its memory';
const IN_FLIGHT =
  'Cannot take out a registered buffer as an operation uses it: wait for its final completion';
