import { Owner, OwnerState } from '@ringbearer/io-uring-owner';
import type { Arena } from './arena.js';
import { atCapacity, BufferError } from './buffer-error.js';
import { checkInteger } from './check.js';
import { Lease, type LeaseHome } from './lease.js';
import type { MemoryRange } from './memory-range.js';
import type { PageKind } from './memory-source.js';
import { UnsafeBuffers } from './unsafe-buffers.js';

/** Sizes of a {@link BufferPool}, fixed for life. */
export interface BufferPoolOptions {
  /** Buffers, 1 to 2^24. */
  readonly count: number;
  /** Bytes of each, 1 to 2^30. */
  readonly bufferBytes: number;
  /** Id that its leases carry. Default 0. */
  readonly group?: number;
  /** Called when a lease was released and its buffer is available again. */
  readonly onRelease?: () => void;
  /** Called once, when the pool has closed: nobody uses its memory any more. */
  readonly onClose?: () => void;
}

const COUNT_MAX = 1 << 24; // 16 million owners are already more than a gibibyte of heap
const SIZE_MAX = 1 << 30; // the kernel's limit for one registered buffer

/**
 * A fixed number of buffers of one size, for sends and single receives. The buffer released last is taken first: its lines
 * are still in the cache. It never grows.
 *
 * @example
 * ```ts
 * import { Arena, BufferPool, HeapMemory } from '@ringbearer/io-uring-buffer';
 *
 * const arena = new Arena(new HeapMemory(), 1 << 17); // in a program: the bearer's source
 * const pool = new BufferPool(arena, { count: 8, bufferBytes: 16_384 });
 * const lease = pool.take();
 * lease.fill(Buffer.from('220 ready\r\n'));
 * console.log(pool.used, pool.available); // 1 7
 * lease.release();
 * ```
 */
export class BufferPool {
  readonly #count: number;
  readonly #bufferBytes: number;
  readonly #group: number;
  /** All buffers as raw memory, and where each starts: what registering the pool registers. */
  readonly unsafe: UnsafeBuffers;
  readonly #arena: Arena;
  readonly #memory: MemoryRange;
  readonly #home: LeaseHome;
  readonly #owners: Owner[];
  readonly #generations: Uint32Array;
  readonly #free: Uint32Array;
  readonly #onRelease: (() => void) | undefined;
  /** What the memory is made of. */
  readonly pageKind: PageKind;
  readonly #onClose: (() => void) | undefined;
  #available: number;
  #open = true;

  /**
   * Cuts its memory off `arena`.
   * @throws {RangeError} sizes out of range
   * @throws {BufferError} AT_CAPACITY (kind BufferBytes)
   */
  constructor(arena: Arena, options: BufferPoolOptions) {
    const { count, bufferBytes, group = 0, onRelease, onClose } = options;
    checkInteger('make a buffer pool', 'count', count, 1, COUNT_MAX);
    checkInteger('make a buffer pool', 'bufferBytes', bufferBytes, 1, SIZE_MAX);
    checkInteger('make a buffer pool', 'group', group, 0, 0xffff);
    const memory = arena.reserve(count * bufferBytes);
    this.pageKind = arena.pageKind;
    this.#memory = memory;
    this.unsafe = new UnsafeBuffers(memory, bufferBytes);
    this.#count = count;
    this.#bufferBytes = bufferBytes;
    this.#group = group;
    this.#arena = arena;
    this.#onRelease = onRelease;
    this.#onClose = onClose;
    this.#owners = Array.from({ length: count }, () => new Owner());
    this.#generations = new Uint32Array(count);
    this.#free = Uint32Array.from({ length: count }, (_, i) => count - 1 - i);
    this.#available = count;
    this.#home = {
      group,
      memory,
      text: Buffer.from(memory.bytes.buffer, memory.bytes.byteOffset, memory.byteLength),
      generation: (id) => this.#generations[id]!,
      takeBack: (id) => this.#takeBack(id),
    };
  }

  /** Id that the leases carry. */
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

  /** Buffers that may be taken now. */
  get available(): number {
    return this.#available;
  }
  /** Buffers out on lease. */
  get used(): number {
    return this.#count - this.#available;
  }

  /**
   * Leases a buffer, or its first `length` bytes. The bytes are whatever the last use left.
   * @throws {BufferError} AT_CAPACITY (kind Buffers): back-pressure, wait for a release; BUFFER_CLOSED
   */
  take(length: number = this.#bufferBytes): Lease {
    if (!this.#open) throw new BufferError('BUFFER_CLOSED', CLOSED);
    checkInteger('take a buffer', 'length', length, 0, this.#bufferBytes);
    if (this.#available === 0) throw atCapacity('Buffers', this.#count, this.#count, 1);
    this.#available -= 1;
    const id = this.#free[this.#available]!;
    return new Lease(this.#home, this.#owners[id]!, id, id, 0, length, id * this.#bufferBytes);
  }

  /**
   * Ends the pool and revokes every lease. Again: nothing happens.
   * @throws {BufferError} BUFFER_IN_USE while the kernel has a buffer
   */
  close(): void {
    if (!this.#open) return;
    for (const owner of this.#owners) {
      if (owner.state === OwnerState.Kernel) throw new BufferError('BUFFER_IN_USE', IN_KERNEL);
    }
    this.#open = false;
    for (let id = 0; id < this.#count; id++) this.#generations[id]! += 1;
    this.#available = this.#count;
    this.#arena.vacate(this.#memory);
    this.#onClose?.();
  }

  /** Closes the pool. */
  [Symbol.dispose](): void {
    this.close();
  }

  #takeBack(id: number): void {
    this.#generations[id]! += 1;
    this.#free[this.#available] = id;
    this.#available += 1;
    this.#onRelease?.();
  }
}

const CLOSED = 'Cannot take a buffer as the pool is closed';
const IN_KERNEL = 'Cannot close the pool as the kernel has a buffer of it: wait for the completion';
