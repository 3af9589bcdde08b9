import type { UnsafeMemory } from '@ringbearer/io-uring-owner';
import type { BufferArrivals } from './arrivals.js';

/** Arguments of IORING_REGISTER_PBUF_RING (io_uring_register_buf_ring(3)). */
export interface BufferRingRegistration {
  /** Group id, 0 to 65535: what operations name in `buf_group`. */
  readonly group: number;
  /** Entries of the ring: a power of two, at most 32768. */
  readonly entries: number;
  /** The ring: 16 bytes for each entry, at a page boundary. */
  readonly ring: UnsafeMemory;
  /** IOU_PBUF_RING_INC: the kernel goes on in a buffer where it stopped. Since 6.12. */
  readonly incremental: boolean;
  /** To call for every completion that names a buffer of the group. Not for the ring's user: keep it private. */
  readonly arrivals: BufferArrivals;
}

/**
 * What a provided-buffer ring needs of the ring it serves. The bearer implements it; all methods are synchronous and throw
 * the system's error.
 */
export interface BufferRegistrar {
  /**
   * Since kernel 5.19. Throws EEXIST for a group in use, EINVAL where the kernel has no buffer rings.
   * @returns false, having done nothing, where `incremental` was asked for and the kernel does not have it
   */
  registerBufferRing(registration: BufferRingRegistration): boolean;
  /**
   * Turns of the ring that the kernel is done with, 16 bits: IORING_REGISTER_PBUF_STATUS (kernel 6.8). Asked for incremental rings only,
   * where a completion does not tell.
   */
  bufferRingHead?(group: number): number;
  /**
   * Throws BUFFER_IN_USE while an operation that uses the group is in flight. Its completion would name a buffer of a
   * ring that is no more, or be taken for one of the next ring with that id.
   */
  assertUnused?(group: number): void;
  /** IORING_UNREGISTER_PBUF_RING. The kernel forgets the ring. */
  unregisterBufferRing(group: number): void;
}
