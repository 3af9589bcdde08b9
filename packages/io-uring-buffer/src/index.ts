/**
 * Memory the kernel reads and writes: arenas, pools, provided buffers, leases and futex words.
 *
 * @packageDocumentation
 */
export * from './arena.js';
export type { BufferArrivals } from './arrivals.js';
export {
  type BufferCapacity,
  type BufferCapacityKind,
  BufferError,
  type BufferErrorCode,
} from './buffer-error.js';
export * from './buffer-pool.js';
export * from './buffer-registrar.js';
export * from './classic-buffer-group.js';
export {
  FIXED_BUFFER_BYTES_MAX,
  type FixedBuffer,
  type FixedBufferHome,
  type FixedBufferSource,
  type FixedMemory,
  type PartedMemory,
} from './fixed-buffer.js';
export * from './fixed-buffer-registrar.js';
export * from './fixed-buffer-table.js';
export * from './futex-word.js';
export * from './heap-memory.js';
export type { Lease } from './lease.js';
export type { LeaseRun } from './lease-run.js';
export * from './memory-range.js';
export * from './memory-source.js';
export * from './provided-buffer-ring.js';
export * from './provision.js';
export type { ReplenishPolicy } from './replenish.js';
export { BUFFER_RING_ENTRIES_MAX, PROVIDED_BUFFER_BYTES_MAX } from './ring-entries.js';
export * from './send-ring.js';
export type { UnsafeBuffers } from './unsafe-buffers.js';
