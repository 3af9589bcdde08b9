import type { UnsafeMemory } from '@ringbearer/io-uring-owner';

/** A range of slots of one table, to clone into another. */
export interface FixedBufferCloning {
  /** First slot to copy. */
  readonly from: number;
  /** First slot that receives a copy. */
  readonly to: number;
  /** Slots, at least 1. */
  readonly count: number;
}

/**
 * What the table of registered buffers needs of the ring. The bearer implements it over io_uring_register(2); every method is
 * synchronous and throws the system's error, leaving the kernel's table as it was.
 */
export interface FixedBufferRegistrar {
  /** Stands for the ring, the same object each time: operations of another ring are told apart by it. */
  readonly ring: object;
  /** Registers a table of `count` empty slots (IORING_REGISTER_BUFFERS2 with IORING_RSRC_REGISTER_SPARSE, kernel 5.19). */
  registerSparse(count: number): void;
  /** Puts `memory` in `slot`, or empties it when that is null (IORING_REGISTER_BUFFERS_UPDATE, kernel 5.13). */
  update(slot: number, memory: UnsafeMemory | null): void;
  /**
   * Copies slots of another ring of this thread, over whatever the slots here hold (IORING_REGISTER_CLONE_BUFFERS with
   * IORING_REGISTER_DST_REPLACE, kernel 6.13). No page is pinned or counted again.
   */
  clone(source: FixedBufferRegistrar, cloning: FixedBufferCloning): void;
  /** Drops the whole table (IORING_UNREGISTER_BUFFERS, kernel 5.1). */
  unregister(): void;
}
