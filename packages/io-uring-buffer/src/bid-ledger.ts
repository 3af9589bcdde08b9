import { Owner, OwnerState } from '@ringbearer/io-uring-owner';
import { BufferError } from './buffer-error.js';
import { checkInteger } from './check.js';
import { Lease, type LeaseHome } from './lease.js';
import type { MemoryRange } from './memory-range.js';
import { UnsafeBuffers } from './unsafe-buffers.js';

// The owner machine of io-uring-owner, one byte per buffer id, for memory that is given in bulk and comes back one by one:
//
//   Idle -give-> Kernel -pick-> Lent -done-> Idle           a handler reads in place
//                Kernel or Lent -lease-> Leased -release-> Idle   a lease stands for it, with an Owner of its own
//
// A leased buffer comes back through its lease only: an operation may be sending from it.
const IDLE = 0;
const KERNEL = 1;
const LENT = 2;
const LEASED = 3;

/** The ids of one group, who has each, and their leases. */
export class BidLedger {
  readonly unsafe: UnsafeBuffers;
  readonly #count: number;
  readonly #size: number;
  readonly #home: LeaseHome;
  readonly #states: Uint8Array;
  readonly #owners: (Owner | null)[];
  readonly #generations: Uint32Array;
  #outside = 0;

  /** `released` is told the id of a lease that ended; the id is Idle then. */
  constructor(
    memory: MemoryRange,
    group: number,
    count: number,
    size: number,
    released: (bid: number) => void,
  ) {
    this.unsafe = new UnsafeBuffers(memory, size);
    this.#count = count;
    this.#size = size;
    this.#states = new Uint8Array(count);
    this.#owners = new Array(count).fill(null);
    this.#generations = new Uint32Array(count);
    this.#home = {
      group,
      memory: this.unsafe,
      text: Buffer.from(memory.bytes.buffer, memory.bytes.byteOffset, memory.byteLength),
      generation: (bid) => this.#generations[bid]!,
      takeBack: (bid) => {
        this.#owners[bid] = null;
        this.#generations[bid]! += 1;
        this.#states[bid] = IDLE;
        this.#outside -= 1;
        released(bid);
      },
    };
  }

  /** Buffers that are Lent or Leased. */
  get outside(): number {
    return this.#outside;
  }

  isIdle(bid: number): boolean {
    return this.#states[bid] === IDLE;
  }
  isKernel(bid: number): boolean {
    return this.#states[bid] === KERNEL;
  }

  /** Idle -> Kernel. */
  give(bid: number): void {
    if (this.#states[bid] !== IDLE) throw new BufferError('BUFFER_IN_USE', NOT_IDLE);
    this.#states[bid] = KERNEL;
  }
  /** Kernel -> Idle: the kernel refused it, or gave it back unused. */
  withdraw(bid: number): void {
    if (this.#states[bid] !== KERNEL) throw new BufferError('BUFFER_IN_USE', NOT_KERNEL);
    this.#states[bid] = IDLE;
  }
  /** Kernel -> Lent: a completion named it. */
  pick(bid: number): void {
    if (this.#states[bid] !== KERNEL) throw new BufferError('BUFFER_IN_USE', NOT_KERNEL);
    this.#states[bid] = LENT;
    this.#outside += 1;
  }
  /** Lent -> Idle: the handler is done. */
  done(bid: number): void {
    if (this.#states[bid] !== LENT) throw new BufferError('BUFFER_NOT_LENT', NOT_LENT);
    this.#states[bid] = IDLE;
    this.#outside -= 1;
  }

  /** Kernel or Lent -> Leased: the first `length` bytes of the buffer. */
  lease(bid: number, length: number): Lease {
    checkInteger('lease a buffer', 'length', length, 0, this.#size);
    const state = this.#states[bid];
    if (state === KERNEL) this.#outside += 1;
    else if (state !== LENT) throw new BufferError('BUFFER_NOT_LENT', NOT_LENT);
    this.#states[bid] = LEASED;
    const owner = new Owner();
    owner.lend();
    owner.giveBack(); // Returned: the kernel has just filled it
    this.#owners[bid] = owner;
    return new Lease(this.#home, owner, bid, 0, length, bid * this.#size);
  }

  /**
   * Ends everything: leases are revoked and every id is Idle.
   * @throws {BufferError} BUFFER_IN_USE while an operation has a leased buffer
   */
  revoke(): void {
    for (const owner of this.#owners) {
      if (owner !== null && owner.state === OwnerState.Kernel) {
        throw new BufferError('BUFFER_IN_USE', LEASE_IN_KERNEL);
      }
    }
    for (let bid = 0; bid < this.#count; bid++) this.#generations[bid]! += 1;
    this.#owners.fill(null);
    this.#states.fill(IDLE);
    this.#outside = 0;
  }
}

const NOT_IDLE = 'Cannot give the kernel a buffer that it already has or that somebody still reads';
const NOT_KERNEL =
  'Cannot take from the kernel a buffer it does not have: was this completion handled twice?';
const NOT_LENT =
  'Cannot take back a buffer that is not lent: it was recycled before, never picked, or is leased (release the lease)';
const LEASE_IN_KERNEL =
  'Cannot close the group as an operation uses a lease of it: wait for the completion';
