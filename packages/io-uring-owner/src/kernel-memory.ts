import type { Owner } from './owner.js';

/**
 * A range of memory whose address the kernel may be given, with the {@link Owner} that says who may
 * touch it now. Operations take one of these, never a bare address: the bearer moves the owner to
 * `Kernel` when the submission is committed and to `Returned` on the final completion.
 *
 * The numbers under `unsafe` are the only door to the raw memory. Code that opens it takes over the
 * proof that the owner is not `Kernel` while it writes, nor freed while the kernel reads.
 */
export interface KernelMemory {
  /** Who may touch the bytes now. */
  readonly owner: Owner;
  /** Length in bytes. */
  readonly byteLength: number;
  /** Address and bytes, unguarded. */
  readonly unsafe: UnsafeMemory;
}

/** The raw form of a {@link KernelMemory}: an address in two 32-bit halves, and the bytes. */
export interface UnsafeMemory {
  /** Low 32 bits of the address, as an unsigned integer. */
  readonly addressLow: number;
  /** High 32 bits of the address, as an unsigned integer. */
  readonly addressHigh: number;
  /** A view of exactly the range. Stable for the life of the mapping. */
  readonly bytes: Uint8Array;
}
