import { FIXED_FILES_MAX, FixedFd, type RawFd } from './descriptor.js';
import { FdError } from './fd-error.js';
import { FdKind } from './fd-kind.js';
import type { FileBooks } from './file-books.js';
import type { FileRegistrar } from './file-registrar.js';
import { RegisteredFd } from './registered-fd.js';

// What a slot holds, and whether somebody has set it aside.
const EMPTY = 0;
const FILLED = 1;
const CLOSING = 2;
const HELD = 4;
const FREE = EMPTY;
const CONTENT = FILLED | CLOSING;

/** Sizes of a {@link FixedFileTable}, fixed for life. */
export interface FixedFileTableOptions {
  /** Slots of the whole table, 1 to {@link FIXED_FILES_MAX}. */
  readonly capacity: number;
  /** Slots at its end that the kernel hands out by itself (`TargetFd.auto`). Default 0. */
  readonly automatic?: number;
}

/**
 * The books of the kernel's fixed-file table: slots 0 to `manualCapacity` - 1 are handed out here, the rest by the kernel.
 * It keeps numbers only and never opens or closes a descriptor.
 *
 * Of a bearer's table the bearer keeps the books: operations that open into a slot, and close it, report here by themselves. What
 * nobody reports is a descriptor that another ring passed here (MsgRingFd): call {@link filled} for that.
 *
 * @example
 * ```ts
 * import { FdKind, FixedFileTable, RawFd } from '@ringbearer/io-uring-fd';
 *
 * const registrar = { registerSparse() {}, update() {}, allocRange() {}, unregister() {} }; // the bearer's, in real life
 * const table = new FixedFileTable(registrar, { capacity: 64, automatic: 48 });
 * const listener = table.add(new RawFd(7), FdKind.Acceptor);
 * console.log(listener.number, table.manualUsed, table.manualCapacity); // 0 1 16
 * table.remove(listener);
 * ```
 */
export class FixedFileTable implements FileBooks {
  readonly #registrar: FileRegistrar;
  readonly #slots: Uint8Array;
  readonly #free: Uint32Array;
  readonly #manual: number;
  /** Slots that are in `#free`, which an operation may have filled since. */
  readonly #listed: Uint8Array;
  #freeCount: number;
  #manualUsed = 0;
  #automaticUsed = 0;
  #peak = 0;
  #open = true;

  /**
   * Registers the table.
   * @throws {RangeError} sizes that do not fit each other or the kernel's limit
   */
  constructor(registrar: FileRegistrar, options: FixedFileTableOptions) {
    const { capacity, automatic = 0 } = options;
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > FIXED_FILES_MAX) {
      throw new RangeError(
        `Cannot make a fixed-file table as capacity must be 1 to ${FIXED_FILES_MAX}: current value is ${capacity}`,
      );
    }
    if (!Number.isInteger(automatic) || automatic < 0 || automatic > capacity) {
      throw new RangeError(
        `Cannot make a fixed-file table as automatic must be 0 to ${capacity}: current value is ${automatic}`,
      );
    }
    this.#registrar = registrar;
    this.#manual = capacity - automatic;
    this.#slots = new Uint8Array(capacity);
    this.#free = new Uint32Array(this.#manual);
    this.#listed = new Uint8Array(this.#manual).fill(1);
    this.#freeCount = this.#manual;
    for (let i = 0; i < this.#manual; i++) this.#free[i] = this.#manual - 1 - i; // slot 0 first
    registrar.registerSparse(capacity);
    // A new table lets the kernel allocate anywhere, which is what "all automatic" asks for: no call, so that it works on
    // kernels before 6.0.
    if (automatic === capacity) return;
    try {
      registrar.allocRange(this.#manual, automatic);
    } catch (error) {
      registrar.unregister();
      throw error;
    }
  }

  /** Slots there are. */
  get capacity(): number {
    return this.#slots.length;
  }
  /** Slots that hold a descriptor or are set aside. */
  get used(): number {
    return this.#manualUsed + this.#automaticUsed;
  }
  /** The most there were. */
  get peak(): number {
    return this.#peak;
  }
  /** Slots handed out here: 0 to this - 1. */
  get manualCapacity(): number {
    return this.#manual;
  }
  /** Manual slots that hold a descriptor or are set aside. */
  get manualUsed(): number {
    return this.#manualUsed;
  }
  /** Slots the kernel hands out: `manualCapacity` to `capacity` - 1. */
  get automaticCapacity(): number {
    return this.#slots.length - this.#manual;
  }
  /** Automatic slots known to hold a descriptor. */
  get automaticUsed(): number {
    return this.#automaticUsed;
  }

  /**
   * Puts `raw` in a free manual slot. It stays open under its own number too.
   * @throws {FdError} AT_CAPACITY; and whatever the registration throws
   */
  add(raw: RawFd, kind: FdKind = FdKind.Any): RegisteredFd {
    return this.addAll([raw], kind)[0]!;
  }

  /**
   * As {@link add} for several, all or none. Slots that follow each other are filled with one system call.
   * @throws {FdError} AT_CAPACITY; and whatever the registration throws
   */
  addAll(raws: readonly RawFd[], kind: FdKind = FdKind.Any): RegisteredFd[] {
    const slots: number[] = [];
    const added: RegisteredFd[] = [];
    try {
      for (const _ of raws) slots.push(this.reserve());
      slots.sort((a, b) => a - b);
      for (const [from, count] of runs(slots)) {
        const part = raws.slice(added.length, added.length + count);
        this.#registrar.update(
          from,
          part.map(({ number }) => number),
        );
        for (const [i, raw] of part.entries()) {
          this.#slots[from + i] = HELD | FILLED;
          added.push(new RegisteredFd(raw, new FixedFd(from + i), kind));
        }
      }
    } catch (error) {
      this.removeAll(added);
      for (const slot of slots.slice(added.length)) this.release(slot);
      throw error;
    }
    return added;
  }

  /**
   * Empties the slot of `registered`; the raw descriptor stays open. Operations in flight keep their own reference.
   * @throws {FdError} FD_NOT_REGISTERED
   */
  remove(registered: RegisteredFd): void {
    this.removeAll([registered]);
  }

  /**
   * As {@link remove} for several, with one system call for slots that follow each other.
   * @throws {FdError} FD_NOT_REGISTERED: none was removed
   */
  removeAll(registered: readonly RegisteredFd[]): void {
    if (registered.length === 0) return;
    this.#demandOpen();
    const slots = registered.map(({ number }) => number).sort((a, b) => a - b);
    for (const [i, slot] of slots.entries()) {
      const filled = slot < this.#manual && (this.#slots[slot]! & CONTENT) !== 0;
      if (!filled || slot === slots[i - 1]) throw notRegistered(slot);
    }
    for (const [from, count] of runs(slots)) {
      this.#registrar.update(from, new Array(count).fill(-1));
      for (let i = 0; i < count; i++) this.release(from + i);
    }
  }

  /**
   * Sets a manual slot aside for operations that fill it (`TargetFd.slot`), until {@link release}: closing what is in it leaves it set
   * aside.
   * @throws {FdError} AT_CAPACITY
   */
  reserve(): number {
    this.#demandOpen();
    while (this.#freeCount > 0) {
      this.#freeCount -= 1;
      const slot = this.#free[this.#freeCount]!;
      this.#listed[slot] = 0;
      if (this.#slots[slot] !== FREE) continue; // filled by an operation, and nobody had set it aside
      this.#take(slot);
      this.#slots[slot] = HELD;
      return slot;
    }
    const limit = this.#manual;
    throw new FdError(
      'AT_CAPACITY',
      `Cannot take a fixed-file slot as all ${limit} are in use: free one, or make RegisteredFd larger`,
      -1,
      { kind: 'RegisteredFd', limit, used: limit },
    );
  }

  /**
   * A slot now holds a descriptor: a reserved one, or one the kernel chose. For the latter it may be called again
   * without harm: the kernel has the last word on its own slots.
   * @throws {FdError} FD_NOT_REGISTERED for a manual slot nobody reserved or no slot of the table, FD_IN_USE for a manual one
   * that is filled
   */
  filled(slot: number): void {
    const state = this.#slots[slot];
    if (state === undefined || (slot < this.#manual && state === FREE)) throw notRegistered(slot);
    if (slot < this.#manual && (state & CONTENT) !== 0) throw inUse(slot);
    this.opened(slot);
  }

  /**
   * A slot is empty, and not set aside any more. Once the table, or its bearer, is closed, nothing happens: its slots went with it.
   * @throws {FdError} FD_NOT_REGISTERED when it was neither filled nor set aside
   */
  release(slot: number): void {
    if (!this.#open) return; // whoever set it aside cleans up late, as he may with leases
    const state = this.#slots[slot];
    if (state === undefined || state === FREE) throw notRegistered(slot);
    this.#slots[slot] = FREE;
    if (slot >= this.#manual) {
      this.#automaticUsed -= 1;
      return;
    }
    this.#manualUsed -= 1;
    if (this.#listed[slot] === 1) return;
    this.#listed[slot] = 1;
    this.#free[this.#freeCount] = slot;
    this.#freeCount += 1;
  }

  /** See {@link FileBooks.opened}. */
  opened(slot: number): void {
    const state = this.#slots[slot];
    if (state === undefined) return;
    if (state === FREE) this.#take(slot);
    this.#slots[slot] = (state & HELD) | FILLED;
  }
  /** See {@link FileBooks.closing}. */
  closing(slot: number): boolean {
    const state = this.#slots[slot];
    if (state === undefined || (state & CONTENT) !== FILLED) return false;
    this.#slots[slot] = (state & HELD) | CLOSING;
    return true;
  }
  /** See {@link FileBooks.closed}. */
  closed(slot: number, known: boolean, done: boolean): void {
    const state = this.#slots[slot];
    // Filled again before its close was reported: the kernel announces an accept at once, a close at the end of its batch.
    if (state === undefined || (state & CONTENT) !== (known ? CLOSING : FILLED)) return;
    if (done) this.emptied(slot);
    else this.#slots[slot] = (state & HELD) | FILLED;
  }
  /** See {@link FileBooks.emptied}. */
  emptied(slot: number): void {
    const state = this.#slots[slot];
    if (state === undefined || (state & CONTENT) === 0) return;
    if ((state & HELD) === 0) this.release(slot);
    else this.#slots[slot] = HELD;
  }

  /** `fd` names a slot of this table that holds a descriptor. */
  has(fd: FixedFd | RegisteredFd): boolean {
    return ((this.#slots[fd.number] ?? FREE) & CONTENT) !== 0;
  }

  /** Drops the whole table. Descriptors that live only there are closed by the kernel. Again: nothing happens. */
  close(): void {
    if (!this.#open) return;
    this.#registrar.unregister();
    this.#open = false;
    this.#slots.fill(FREE);
    this.#manualUsed = 0;
    this.#automaticUsed = 0;
  }

  /** One more is in use. */
  #take(slot: number): void {
    if (slot < this.#manual) this.#manualUsed += 1;
    else this.#automaticUsed += 1;
    if (this.used > this.#peak) this.#peak = this.used;
  }

  #demandOpen(): void {
    if (!this.#open) throw new FdError('FD_TABLE_CLOSED', CLOSED);
  }
}

/** First slot and length of each run of slots that follow each other. */
function runs(slots: readonly number[]): [from: number, count: number][] {
  const found: [number, number][] = [];
  for (const slot of slots) {
    const last = found.at(-1);
    if (last !== undefined && last[0] + last[1] === slot) last[1] += 1;
    else found.push([slot, 1]);
  }
  return found;
}

const CLOSED = 'Cannot use the fixed-file table as it is closed';

function notRegistered(slot: number): FdError {
  return new FdError(
    'FD_NOT_REGISTERED',
    `Cannot use fixed-file slot ${slot} as it holds no descriptor`,
    slot,
  );
}

function inUse(slot: number): FdError {
  return new FdError(
    'FD_IN_USE',
    `Cannot fill fixed-file slot ${slot} as it holds a descriptor`,
    slot,
  );
}
