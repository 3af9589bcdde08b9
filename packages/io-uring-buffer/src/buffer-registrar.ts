import type { UnsafeMemory } from '@ringbearer/io-uring-owner';

/** Arguments of IORING_REGISTER_PBUF_RING (io_uring_register_buf_ring(3)). */
export interface BufferRingRegistration {
  /** Group id, 0 to 65535: what operations name in `buf_group`. */
  readonly group: number;
  /** Entries of the ring: a power of two, at most 32768. */
  readonly entries: number;
  /** The ring: 16 bytes for each entry, at a page boundary. */
  readonly ring: UnsafeMemory;
  /** IOU_PBUF_RING_* flags: 0 for a classic ring in memory of ours. */
  readonly flags: number;
}

/**
 * What a provided-buffer ring needs of the ring it serves. The bearer implements it; both methods are synchronous and throw
 * the system's error.
 */
export interface BufferRegistrar {
  /** Since kernel 5.19. Throws EEXIST for a group in use, EINVAL where the kernel has no buffer rings. */
  registerBufferRing(registration: BufferRingRegistration): void;
  /** IORING_UNREGISTER_PBUF_RING. The kernel forgets the ring; completions that already name a buffer stay valid. */
  unregisterBufferRing(group: number): void;
}
