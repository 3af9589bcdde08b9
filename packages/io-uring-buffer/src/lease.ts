import type { KernelMemory, Owner, UnsafeMemory } from '@ringbearer/io-uring-owner';
import { byteLengthOf, OwnerState } from '@ringbearer/io-uring-owner';
import { BufferError } from './buffer-error.js';
import { checkInteger } from './check.js';
import { MemoryRange } from './memory-range.js';

/** Where a lease comes from and goes back to: a pool or a group of provided buffers. */
export interface LeaseHome {
  /** Group id. */
  readonly group: number;
  /** Raw memory of all its buffers. */
  readonly memory: UnsafeMemory;
  /** The same bytes as a Buffer, for text. */
  readonly text: Buffer;
  /** Which use of place `slot` this is: a lease of an older one is void. */
  generation(slot: number): number;
  /** The holder of the lease in place `slot` is done; its owner is not Kernel. */
  takeBack(slot: number): void;
}

/**
 * The right to use one buffer, or the part of it the kernel filled, until {@link Lease.release}. It names the bytes exactly
 * (group, id, offset, length) and looks at two things before every access: that the lease still holds, and that
 * the kernel does not own the memory. A violation throws; nothing is read or written.
 *
 * How it moves through its {@link Owner}:
 *
 * | call | edges |
 * |---|---|
 * | `fill(bytes, at)` | `fill`, `filled`: idle or Taken -> Taken. While the holder has it in Filling itself, only writes |
 * | submit, final completion | `lend`, `giveBack`: -> Kernel -> Returned, by the operation |
 * | `reuse()` | Returned -> Reusable: the same lease goes through another round; before a received one is sent on, an echo |
 * | `release()` | anything but Kernel -> Reusable, and back to the pool; or back to the kernel, for provided buffers |
 *
 * @example
 * ```ts
 * import { Arena, BufferPool, HeapMemory } from '@ringbearer/io-uring-buffer';
 *
 * const pool = new BufferPool(new Arena(new HeapMemory(), 4096), { count: 4, bufferBytes: 512 });
 * const lease = pool.take(5);
 * lease.fill(Buffer.from('hello'));
 * console.log(lease.toString('latin1'), lease.owner.name); // hello Taken
 * lease.release();
 * console.log(lease.held); // false
 * ```
 */
export class Lease implements KernelMemory {
  // Behind getters, as every number here that bounds what the kernel writes: JavaScript does not know `readonly`.
  readonly #id: number;
  readonly #offset: number;
  readonly #length: number;
  readonly #home: LeaseHome;
  readonly #owner: Owner;
  readonly #slot: number;
  readonly #generation: number;
  readonly #start: number;
  #range: MemoryRange | null = null;

  /**
   * Pools and rings make leases.
   * @param slot where `home` keeps its books of this lease
   * @param start first byte of the lease within the memory of the group
   */
  constructor(
    home: LeaseHome,
    owner: Owner,
    slot: number,
    id: number,
    offset: number,
    length: number,
    start: number,
  ) {
    this.#home = home;
    this.#owner = owner;
    this.#slot = slot;
    this.#generation = home.generation(slot);
    this.#start = start;
    this.#id = id;
    this.#offset = offset;
    this.#length = length;
  }

  /** Id of the buffer in its group: the pool's index, or the kernel's `bid`. */
  get id(): number {
    return this.#id;
  }
  /** First byte of the lease within that buffer. */
  get offset(): number {
    return this.#offset;
  }
  /** Bytes of the lease. */
  get length(): number {
    return this.#length;
  }

  /** Id of the group the buffer belongs to. */
  get group(): number {
    return this.#home.group;
  }
  get byteLength(): number {
    return this.length;
  }
  /** False once released, or revoked by the close of its pool or ring. */
  get held(): boolean {
    return this.#home.generation(this.#slot) === this.#generation;
  }
  /** @throws {BufferError} BUFFER_RELEASED: the owner is somebody else's by now */
  get owner(): Owner {
    this.#demandHeld();
    return this.#owner;
  }
  /** Address and bytes. @throws {BufferError} BUFFER_RELEASED */
  get unsafe(): UnsafeMemory {
    this.#demandHeld();
    this.#range ??= new MemoryRange(this.#home.memory, this.#start, this.length);
    return this.#range;
  }

  /** Byte `index` of the lease. @throws {RangeError} outside of the lease @throws {BufferError} {OwnerError} as it is not readable */
  at(index: number): number {
    this.#demandReadable();
    const inside = typeof index === 'number' && index >= 0 && index < this.length;
    const byte = inside ? this.#home.memory.bytes[this.#start + index] : undefined;
    if (byte === undefined) throw new RangeError(OUTSIDE);
    return byte;
  }

  /** Copies all bytes to `target`, from `targetOffset` on. @throws {RangeError} when they do not fit */
  copyTo(target: Uint8Array, targetOffset = 0): void {
    this.#demandReadable();
    checkInteger('copy a lease', 'targetOffset', targetOffset, 0, target.length);
    if (targetOffset + this.length > target.length) throw new RangeError(OUTSIDE);
    this.#home.text.copy(target, targetOffset, this.#start, this.#start + this.length);
  }

  /** A copy of the bytes that is the caller's for good. */
  toBytes(): Uint8Array {
    this.#demandReadable();
    return this.#home.memory.bytes.slice(this.#start, this.#start + this.length);
  }

  /** The bytes from `start` to `end` (exclusive) as text; out of the lease is cut off, as Buffer does. */
  toString(encoding: BufferEncoding = 'utf8', start = 0, end: number = this.length): string {
    this.#demandReadable();
    // Once each, as objects may answer differently the next time.
    const [first, last] = [Number(start), Number(end)];
    // Written so that NaN falls on the safe side: the bytes around are another lease's.
    const from = first > 0 ? Math.min(first, this.length) : 0;
    const to = last < this.length ? Math.max(last, from) : this.length;
    return this.#home.text.toString(encoding, this.#start + from, this.#start + to);
  }

  /**
   * Writes `bytes` at byte `at` of the lease and leaves it ready to be submitted.
   * @throws {RangeError} when they do not fit
   * @throws {OwnerError} OWNER_KERNEL, or OWNER_RETURNED before {@link reuse}
   */
  fill(bytes: Uint8Array, at = 0): void {
    this.#demandHeld();
    checkInteger('fill a lease', 'at', at, 0, this.length);
    if (at + byteLengthOf(bytes) > this.length) throw new RangeError(OUTSIDE);
    const filling = this.#owner.state === OwnerState.Filling;
    if (!filling) this.#owner.fill();
    this.#home.memory.bytes.set(bytes, this.#start + at);
    if (!filling) this.#owner.filled();
  }

  /** Another round with the same lease: what the kernel left was read. @throws {OwnerError} when there is nothing to reuse */
  reuse(): void {
    this.owner.reuse();
  }

  /**
   * Gives the buffer back. Again: nothing happens.
   * @throws {OwnerError} OWNER_KERNEL while an operation has it
   */
  release(): void {
    if (!this.held) return;
    const owner = this.#owner;
    if (!owner.idle) owner.reuse();
    this.#home.takeBack(this.#slot);
  }

  /** Releases the lease. */
  [Symbol.dispose](): void {
    this.release();
  }

  #demandHeld(): void {
    if (this.#home.generation(this.#slot) !== this.#generation) {
      throw new BufferError('BUFFER_RELEASED', RELEASED);
    }
  }

  #demandReadable(): void {
    this.#demandHeld();
    this.#owner.assertReadable();
  }
}

const RELEASED = 'Cannot use a lease after it was released: take another';
const OUTSIDE = 'Cannot touch bytes outside of the lease, or more than the target holds';
