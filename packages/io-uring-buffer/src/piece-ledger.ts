import { Owner, OwnerState } from '@ringbearer/io-uring-owner';
import { LEASE_IN_KERNEL, NOT_LENT } from './bid-ledger.js';
import { BufferError } from './buffer-error.js';
import { checkInteger } from './check.js';
import { Lease, type LeaseHome } from './lease.js';
import type { RingLedger } from './ring-ledger.js';
import type { UnsafeBuffers } from './unsafe-buffers.js';

// An incremental ring fills a buffer piece by piece, one for each completion. Each piece is lent and comes back by itself, in
// any order. The buffer goes back to the kernel when the kernel is done with it and no piece is out:
//
//   Idle -give-> Kernel -finish-> Done -last piece back-> Idle
//
// Pieces are out in Kernel and in Done. The bytes behind the last piece are the kernel's until the buffer is Done.
const IDLE = 0;
const KERNEL = 1;
const DONE = 2;

/** The ids of one incremental ring: what of each was filled, who has the pieces, and their leases. */
export class PieceLedger implements RingLedger {
  readonly #size: number;
  readonly #home: LeaseHome;
  readonly #back: (bid: number, released: boolean) => void;
  readonly #states: Uint8Array;
  readonly #filled: Uint32Array;
  /** Pieces of each buffer that are lent or leased. */
  readonly #users: Uint32Array;
  /** The length of each piece that nobody has leased or recycled, by the offset where it starts. */
  readonly #pieces: Map<number, number>[];
  // Of leases, of which a buffer may have many: they are numbered for themselves.
  readonly #owners: (Owner | null)[] = [];
  readonly #bids: number[] = [];
  readonly #generations: number[] = [];
  readonly #free: number[] = [];
  #outside = 0;

  /** `back` is told of an id that came back, when something was recycled or a lease released; the id is Idle then. */
  constructor(
    memory: UnsafeBuffers,
    group: number,
    count: number,
    size: number,
    back: (bid: number, released: boolean) => void,
  ) {
    this.#size = size;
    this.#back = back;
    this.#states = new Uint8Array(count);
    this.#filled = new Uint32Array(count);
    this.#users = new Uint32Array(count);
    this.#pieces = Array.from({ length: count }, () => new Map());
    this.#home = {
      group,
      memory,
      text: Buffer.from(memory.bytes.buffer, memory.bytes.byteOffset, memory.bytes.byteLength),
      generation: (slot) => this.#generations[slot]!,
      takeBack: (slot) => {
        this.#owners[slot] = null;
        this.#generations[slot]! += 1;
        this.#free.push(slot);
        this.#comesBack(this.#bids[slot]!, true);
      },
    };
  }

  get outside(): number {
    return this.#outside;
  }

  give(bid: number): void {
    if (this.#states[bid] !== IDLE) throw new BufferError('BUFFER_IN_USE', NOT_IDLE);
    this.#states[bid] = KERNEL;
    this.#filled[bid] = 0;
  }

  isKernel(bid: number): boolean {
    return this.#states[bid] === KERNEL;
  }
  /** Where the kernel goes on in buffer `bid`. */
  filled(bid: number): number {
    return this.#filled[bid]!;
  }

  /** The next `length` > 0 bytes of a buffer in Kernel were filled. */
  arrive(bid: number, length: number): void {
    const offset = this.#filled[bid]!;
    this.#pieces[bid]!.set(offset, length);
    this.#filled[bid] = offset + length;
    this.#users[bid]! += 1;
  }
  /** Kernel -> Done: the kernel writes nothing more into it. Back at once when nobody reads it. */
  finish(bid: number): void {
    this.#states[bid] = DONE;
    this.#outside += 1;
    if (this.#users[bid] === 0) this.#returned(bid, true);
  }

  recycle(bid: number, offset = 0): void {
    this.#take(bid, offset);
    this.#comesBack(bid, false);
  }

  lease(bid: number, length: number, offset = 0): Lease {
    checkInteger('lease a buffer', 'length', length, 0, this.lengthOf(bid, offset));
    this.#take(bid, offset);
    const slot = this.#free.pop() ?? this.#generations.push(0) - 1;
    const owner = new Owner();
    owner.lend();
    owner.giveBack(); // Returned: the kernel has just filled it
    this.#owners[slot] = owner;
    this.#bids[slot] = bid;
    return new Lease(this.#home, owner, slot, bid, offset, length, bid * this.#size + offset);
  }

  next(bid: number, offset = 0): number {
    this.lengthOf(bid, offset);
    return -1; // no bundles here
  }

  lengthOf(bid: number, offset = 0): number {
    const length = this.#pieces[bid]?.get(offset);
    if (length === undefined) throw new BufferError('BUFFER_NOT_LENT', NOT_LENT);
    return length;
  }

  revoke(): void {
    for (const owner of this.#owners) {
      if (owner !== null && owner.state === OwnerState.Kernel) {
        throw new BufferError('BUFFER_IN_USE', LEASE_IN_KERNEL);
      }
    }
    for (let slot = 0; slot < this.#generations.length; slot++) this.#generations[slot]! += 1;
    this.#owners.fill(null);
    for (const pieces of this.#pieces) pieces.clear();
    this.#states.fill(IDLE);
    this.#users.fill(0);
    this.#outside = 0;
  }

  #take(bid: number, offset: number): void {
    this.lengthOf(bid, offset);
    this.#pieces[bid]!.delete(offset);
  }

  #comesBack(bid: number, released: boolean): void {
    this.#users[bid]! -= 1;
    if (this.#users[bid] === 0 && this.#states[bid] === DONE) this.#returned(bid, released);
  }

  #returned(bid: number, released: boolean): void {
    this.#states[bid] = IDLE;
    this.#outside -= 1;
    this.#back(bid, released);
  }
}

const NOT_IDLE = 'Cannot give the kernel a buffer that it already has or that somebody still reads';
