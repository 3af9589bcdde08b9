import {
  type KernelMemory,
  Owner,
  type RegisteredMemory,
  type UnsafeMemory,
} from '@ringbearer/io-uring-owner';
import { BufferError } from './buffer-error.js';
import { checkInteger } from './check.js';

/** Bytes one registered buffer may have: 1 GiB, as io_sqe_buffer_register of io_uring/rsrc.c says. */
export const FIXED_BUFFER_BYTES_MAX = 1 << 30;

/**
 * What may be registered:
 * - a {@link Lease}, or other kernel memory: it has one owner, and operations take it whole or in part;
 * - a {@link BufferPool}, a {@link ProvidedBufferRing} or a {@link ClassicBufferGroup}: all its buffers at once; operations name the lease;
 * - a {@link MemoryRange} of an arena, which gets an owner here.
 */
export type FixedBufferSource = KernelMemory | UnsafeMemory | PartedMemory;

/** Memory whose parts have owners of their own: a pool, a ring or group of provided buffers. */
export interface PartedMemory {
  /** Address and bytes of all of it. */
  readonly unsafe: UnsafeMemory;
}

/** The table a {@link FixedBuffer} is in. */
export interface FixedBufferHome {
  /** Stands for the ring. */
  readonly ring: object;
  /** What slot `index` holds. */
  at(index: number): FixedBuffer | null;
  /** Empties its slot. */
  remove(buffer: FixedBuffer): void;
}

/** Bytes to register, and who owns them. */
export interface FixedMemory {
  /** Address and bytes. */
  readonly unsafe: UnsafeMemory;
  /** Null: the owners are those of its parts. */
  readonly whole: KernelMemory | null;
}

/** @throws {TypeError | RangeError | BufferError} `source` cannot be registered */
export function fixedMemory(source: FixedBufferSource): FixedMemory {
  if (typeof source !== 'object' || source === null) throw new TypeError(NO_MEMORY);
  let memory: FixedMemory;
  if ('owner' in source) memory = { unsafe: source.unsafe, whole: source };
  else if ('unsafe' in source) memory = { unsafe: source.unsafe, whole: null };
  else if ('addressLow' in source) memory = { unsafe: source, whole: rangeMemory(source) };
  else throw new TypeError(NO_MEMORY);
  const { byteLength } = memory.unsafe.bytes;
  checkInteger('register a buffer', 'byteLength', byteLength, 1, FIXED_BUFFER_BYTES_MAX);
  return memory;
}

function rangeMemory(unsafe: UnsafeMemory): KernelMemory {
  return { owner: new Owner(), byteLength: unsafe.bytes.byteLength, unsafe };
}

/**
 * A buffer in a ring's table of registered buffers, until {@link FixedBuffer.remove}. The pages are pinned meanwhile: the kernel need
 * not look them up for each operation, and they count against RLIMIT_MEMLOCK.
 *
 * ReadFixed, WriteFixed, ReadvFixed, WritevFixed, SendZc and SendMsgZc take it as `buffer`. Whose bytes they are is still for the
 * lease to say: after `lease.release()` operations are refused, although the slot stays taken until it is removed.
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Close, OpenAt, ReadFixed } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const lease = bearer.allocate(4096);
 * const buffer = bearer.buffers.fixed.add(lease);
 * const descriptor = await bearer.submit(new OpenAt({ path: '/proc/version' }));
 * await bearer.submit(new ReadFixed({ descriptor, buffer, length: 13 }));
 * console.log(buffer.index, lease.toString('latin1', 0, 13)); // 0 Linux version
 * await bearer.submit(new Close({ descriptor }));
 * buffer.remove();
 * lease.release();
 * await bearer.close();
 * ```
 */
export class FixedBuffer implements RegisteredMemory {
  readonly #byteLength: number;
  readonly #whole: KernelMemory | null;
  readonly #home: FixedBufferHome;
  readonly #index: number;
  readonly #unsafe: UnsafeMemory;
  #users = 0;

  /** {@link FixedBufferTable} makes them. */
  constructor(home: FixedBufferHome, index: number, memory: FixedMemory) {
    this.#home = home;
    this.#index = index;
    this.#unsafe = memory.unsafe;
    this.#whole = memory.whole;
    this.#byteLength = memory.unsafe.bytes.byteLength;
  }

  /** Bytes there are. */
  get byteLength(): number {
    return this.#byteLength;
  }
  /** All of it, where it has one owner; null for a pool or group, whose leases are named with each operation. */
  get whole(): KernelMemory | null {
    return this.#whole;
  }

  /** Slot of the table. @throws {BufferError} BUFFER_NOT_REGISTERED */
  get index(): number {
    this.#demandRegistered();
    return this.#index;
  }
  /** Stands for the ring: operations submitted to another one are refused. */
  get ring(): object {
    return this.#home.ring;
  }
  /** In the table: neither removed, nor replaced, nor is the table closed. */
  get registered(): boolean {
    return this.#home.at(this.#index) === this;
  }
  /** Operations in flight that name it. */
  get users(): number {
    return this.#users;
  }
  /** The raw memory. */
  get unsafe(): UnsafeMemory {
    return this.#unsafe;
  }

  /** `length` bytes of `memory`, from `offset` on, are inside. @throws {BufferError} BUFFER_RELEASED: a lease of bytes that went back */
  contains(memory: KernelMemory, offset = 0, length: number = memory.byteLength - offset): boolean {
    const { addressLow, addressHigh } = memory.unsafe;
    const high = (addressHigh - this.#unsafe.addressHigh) * 0x1_0000_0000;
    const start = high + addressLow - this.#unsafe.addressLow + offset;
    return start >= 0 && length >= 0 && start + length <= this.#byteLength;
  }

  /** An operation uses it: only operations call this. @throws {BufferError} BUFFER_NOT_REGISTERED */
  begin(): void {
    this.#demandRegistered();
    this.#users += 1;
  }
  /** The operation is done. */
  end(): void {
    this.#users -= 1;
  }

  /**
   * Takes it out of the table, and its pages are no longer pinned. Again: nothing happens. The lease, if it is one, is still held.
   * @throws {BufferError} BUFFER_IN_USE while an operation uses it
   */
  remove(): void {
    if (this.registered) this.#home.remove(this);
  }

  /** {@link remove}, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.remove();
  }

  #demandRegistered(): void {
    if (!this.registered) throw new BufferError('BUFFER_NOT_REGISTERED', NOT_REGISTERED);
  }
}

const NOT_REGISTERED =
  'Cannot use a registered buffer that was removed or replaced, or whose table is closed: register the memory again';
const NO_MEMORY =
  'Cannot register a buffer as it must be a lease, a pool, a ring or group of provided buffers, or a range of an arena';
