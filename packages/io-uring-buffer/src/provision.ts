import type { KernelMemory, Owner, UnsafeMemory } from '@ringbearer/io-uring-owner';

/**
 * What one IORING_OP_PROVIDE_BUFFERS says (kernel 5.7, io_uring_prep_provide_buffers(3)): `count` buffers of `bufferBytes`
 * bytes, one after the other, that get the ids `firstBid`, `firstBid + 1`, ... in `group`.
 *
 * As kernel memory it is the whole run. Its owner is shared by all provisions of a group and tells only that such an
 * operation is in flight: who has each buffer is in the group's books.
 */
export interface Provision extends KernelMemory {
  /** `buf_group` of the entry. */
  readonly group: number;
  /** `off` of the entry. */
  readonly firstBid: number;
  /** `fd` of the entry. */
  readonly count: number;
  /** `len` of the entry: bytes of each buffer. */
  readonly bufferBytes: number;
  /** Shared: many provisions may be in flight. */
  readonly owner: Owner;
  /** `addr` of the entry. */
  readonly unsafe: UnsafeMemory;
}

/** What one IORING_OP_REMOVE_BUFFERS says (kernel 5.7): take up to `count` unused buffers out of `group`. */
export interface Removal {
  /** `buf_group` of the entry. */
  readonly group: number;
  /** `fd` of the entry. */
  readonly count: number;
}
