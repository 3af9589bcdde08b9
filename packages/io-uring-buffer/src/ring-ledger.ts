import type { Lease } from './lease.js';

/** Who has which buffer, or part of one. What the completions have not named cannot be had: `BUFFER_NOT_LENT`. */
export interface RingLedger {
  /** Buffers that the kernel is done with and that have not come back. */
  readonly outside: number;
  /** The kernel has buffer `bid` from now on. @throws {BufferError} BUFFER_IN_USE */
  give(bid: number): void;
  /** The reader is done with what arrived at `offset`. @throws {BufferError} BUFFER_NOT_LENT */
  recycle(bid: number, offset?: number): void;
  /** Leases the first `length` bytes of what arrived at `offset`. @throws {RangeError} {@link BufferError} BUFFER_NOT_LENT */
  lease(bid: number, length: number, offset?: number): Lease;
  /** The buffer in which the same completion goes on, or -1. @throws {BufferError} BUFFER_NOT_LENT */
  next(bid: number, offset?: number): number;
  /** Bytes that arrived at `offset`. @throws {BufferError} BUFFER_NOT_LENT */
  lengthOf(bid: number, offset?: number): number;
  /** Ends everything: leases are revoked. @throws {BufferError} BUFFER_IN_USE while an operation has a leased buffer */
  revoke(): void;
}
