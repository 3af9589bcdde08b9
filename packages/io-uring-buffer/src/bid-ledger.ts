import { Owner, OwnerState } from '@ringbearer/io-uring-owner';
import { BufferError } from './buffer-error.js';
import { checkInteger } from './check.js';
import { Lease, type LeaseHome } from './lease.js';
import type { RingLedger } from './ring-ledger.js';
import type { UnsafeBuffers } from './unsafe-buffers.js';

// The owner machine of io-uring-owner, one byte per buffer id, for memory that is given in bulk and comes back one by one:
//
//   Idle -give-> Kernel -arrive-> Lent -recycle-> Idle            a handler reads in place
//                                 Lent -lease-> Leased -release-> Idle   a lease stands for it, with an Owner of its own
//
// Only a completion leads out of Kernel. A leased buffer comes back through its lease only: an operation may be sending from it.
const IDLE = 0;
const KERNEL = 1;
const LENT = 2;
const LEASED = 3;

/** The ids of one group whose buffers are used whole: who has each, and their leases. */
export class BidLedger implements RingLedger {
  readonly #count: number;
  readonly #size: number;
  readonly #home: LeaseHome;
  readonly #back: (bid: number, released: boolean) => void;
  readonly #states: Uint8Array;
  /** Bytes that the completion brought, of buffers that are Lent. */
  readonly #filled: Uint32Array;
  /** The buffer that follows in the run of one completion, or -1. */
  readonly #next: Int32Array;
  readonly #owners: (Owner | null)[];
  readonly #generations: Uint32Array;
  #outside = 0;

  /** `back` is told of an id that came back, by itself or with its lease; the id is Idle then. */
  constructor(
    memory: UnsafeBuffers,
    group: number,
    count: number,
    size: number,
    back: (bid: number, released: boolean) => void,
  ) {
    this.#count = count;
    this.#size = size;
    this.#back = back;
    this.#states = new Uint8Array(count);
    this.#filled = new Uint32Array(count);
    this.#next = new Int32Array(count).fill(-1);
    this.#owners = new Array(count).fill(null);
    this.#generations = new Uint32Array(count);
    this.#home = {
      group,
      memory,
      text: Buffer.from(memory.bytes.buffer, memory.bytes.byteOffset, memory.bytes.byteLength),
      generation: (bid) => this.#generations[bid]!,
      takeBack: (bid) => {
        this.#owners[bid] = null;
        this.#generations[bid]! += 1;
        this.#states[bid] = IDLE;
        this.#outside -= 1;
        back(bid, true);
      },
    };
  }

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
  /** Kernel -> Lent: a completion named it. False where the kernel did not have it: then nothing happens. */
  arrive(bid: number, length: number): boolean {
    if (this.#states[bid] !== KERNEL) return false;
    this.#states[bid] = LENT;
    this.#filled[bid] = length;
    this.#next[bid] = -1;
    this.#outside += 1;
    return true;
  }
  /** Both are of one completion, `next` behind `bid`. */
  link(bid: number, next: number): void {
    this.#next[bid] = next;
  }
  /** Lent -> Idle: the handler is done. */
  recycle(bid: number, offset = 0): void {
    if (this.#states[bid] !== LENT || offset !== 0) {
      throw new BufferError('BUFFER_NOT_LENT', NOT_LENT);
    }
    this.#states[bid] = IDLE;
    this.#outside -= 1;
    this.#back(bid, false);
  }

  /** Lent -> Leased: the first `length` bytes of what arrived. */
  lease(bid: number, length: number, offset = 0): Lease {
    checkInteger('lease a buffer', 'length', length, 0, this.lengthOf(bid, offset));
    this.#states[bid] = LEASED;
    const owner = new Owner();
    owner.lend();
    owner.giveBack(); // Returned: the kernel has just filled it
    this.#owners[bid] = owner;
    return new Lease(this.#home, owner, bid, bid, 0, length, bid * this.#size);
  }

  next(bid: number, offset = 0): number {
    if (this.#states[bid] !== LENT || offset !== 0) {
      throw new BufferError('BUFFER_NOT_LENT', NOT_LENT);
    }
    return this.#next[bid]!;
  }

  lengthOf(bid: number, offset = 0): number {
    if (this.#states[bid] !== LENT || offset !== 0) {
      throw new BufferError('BUFFER_NOT_LENT', NOT_LENT);
    }
    return this.#filled[bid]!;
  }

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
const NOT_KERNEL = 'Cannot take from the kernel a buffer it does not have';
/** The holder of an id, or of a place in a buffer, that no completion has just named. */
export const NOT_LENT =
  'Cannot use a buffer that no completion has named since it was given to the kernel, that was recycled before, or that is leased (release the lease)';
/** A close while somebody sends from a received buffer. */
export const LEASE_IN_KERNEL =
  'Cannot close the group as an operation uses a lease of it: wait for the completion';
