import { FIXED_FILES_MAX, FixedFd, type RawFd } from './descriptor.js';
import { FdError } from './fd-error.js';
import { FdKind } from './fd-kind.js';
import type { FileRegistrar } from './file-registrar.js';
import { RegisteredFd } from './registered-fd.js';

const FREE = 0;
const RESERVED = 1;
const FILLED = 2;

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
export class FixedFileTable {
  readonly #registrar: FileRegistrar;
  readonly #slots: Uint8Array;
  readonly #free: Uint32Array;
  readonly #manual: number;
  #freeCount: number;
  #automaticUsed = 0;
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
    return this.manualUsed + this.#automaticUsed;
  }
  /** Slots handed out here: 0 to this - 1. */
  get manualCapacity(): number {
    return this.#manual;
  }
  /** Manual slots that hold a descriptor or are set aside. */
  get manualUsed(): number {
    return this.#manual - this.#freeCount;
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
    const slot = this.reserve();
    try {
      this.#registrar.update(slot, raw.number);
    } catch (error) {
      this.release(slot);
      throw error;
    }
    this.#slots[slot] = FILLED;
    return new RegisteredFd(raw, new FixedFd(slot), kind);
  }

  /**
   * Empties the slot of `registered`; the raw descriptor stays open. Operations in flight keep their own reference.
   * @throws {FdError} FD_NOT_REGISTERED
   */
  remove(registered: RegisteredFd): void {
    const slot = registered.number;
    this.#demandOpen();
    if (slot >= this.#manual || this.#slots[slot] !== FILLED) throw notRegistered(slot);
    this.#registrar.update(slot, -1);
    this.release(slot);
  }

  /**
   * Sets a manual slot aside for an operation that will fill it (`TargetFd.slot`): call {@link filled} when that
   * succeeded and {@link release} when it failed, or when the descriptor in it was closed.
   * @throws {FdError} AT_CAPACITY
   */
  reserve(): number {
    this.#demandOpen();
    if (this.#freeCount === 0) {
      const limit = this.#manual;
      throw new FdError(
        'AT_CAPACITY',
        `Cannot take a fixed-file slot as all ${limit} are in use: free one, or make RegisteredFd larger`,
        -1,
        { kind: 'RegisteredFd', limit, used: limit },
      );
    }
    this.#freeCount -= 1;
    const slot = this.#free[this.#freeCount]!;
    this.#slots[slot] = RESERVED;
    return slot;
  }

  /**
   * A slot now holds a descriptor: a reserved one, or one the kernel chose. For the latter it may be called again
   * without harm: the kernel has the last word on its own slots.
   * @throws {FdError} FD_NOT_REGISTERED for a manual slot nobody reserved or no slot of the table, FD_IN_USE for a manual one
   * that is filled
   */
  filled(slot: number): void {
    const state = this.#slots[slot];
    if (slot >= this.#manual) {
      if (state === undefined) throw notRegistered(slot);
      if (state === FREE) this.#automaticUsed += 1;
    } else if (state !== RESERVED) {
      throw state === FILLED ? inUse(slot) : notRegistered(slot);
    }
    this.#slots[slot] = FILLED;
  }

  /**
   * A slot is empty again. For a descriptor that is closed through the ring, call it when the close is submitted: the
   * kernel may announce the next user of the slot before the close's own completion is read.
   * @throws {FdError} FD_NOT_REGISTERED when it was empty
   */
  release(slot: number): void {
    const state = this.#slots[slot];
    if (state === undefined || state === FREE) throw notRegistered(slot);
    this.#slots[slot] = FREE;
    if (slot >= this.#manual) {
      this.#automaticUsed -= 1;
    } else {
      this.#free[this.#freeCount] = slot;
      this.#freeCount += 1;
    }
  }

  /** `fd` names a slot of this table that holds a descriptor. */
  has(fd: FixedFd | RegisteredFd): boolean {
    return this.#slots[fd.number] === FILLED;
  }

  /** Drops the whole table. Descriptors that live only there are closed by the kernel. Again: nothing happens. */
  close(): void {
    if (!this.#open) return;
    this.#registrar.unregister();
    this.#open = false;
    this.#slots.fill(FREE);
    this.#automaticUsed = 0;
    this.#freeCount = this.#manual;
  }

  #demandOpen(): void {
    if (!this.#open) throw new FdError('FD_TABLE_CLOSED', CLOSED);
  }
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
