/**
 * UringBearer: a bounded io_uring for Node.js.
 *
 * @module
 */
export * from './bearer.js';
export type { BearerBuffers, GroupOptions, PoolOptions } from './bearer-buffers.js';
export {
  BEARER_CAPACITY_KINDS,
  type BearerCapacity,
  type BearerCapacityKind,
  type CapacityUse,
  type QueueSizes,
} from './capacity.js';
export { Chain, type ChainElementOptions, type ChainSubmitOptions } from './chain.js';
export * from './chain-outcome.js';
export { BEARER_CHANNELS } from './diagnostics.js';
export * from './doctor/index.js';
export {
  AtCapacity,
  BearerError,
  type BearerErrorCode,
  RestrictedError,
  RingSetupError,
  UnsupportedOpcodeError,
} from './errors.js';
export * from './futex.js';
export { olderThan } from './kernel-version.js';
export type { SubmissionKey } from './key.js';
export type { Listener } from './listener.js';
export * from './listening-socket.js';
export type { MappedMemory } from './memory-store.js';
export type {
  BearerOptions,
  ManualHandler,
  StreamOptions,
  SubmitOptions,
  WaitOptions,
} from './options.js';
export type { Capabilities, Probe } from './probe.js';
export * from './registration/index.js';
export { type DriverKind, type RingFactory, setupHint } from './ring/setup.js';
export * from './ring-options.js';
export * from './slab/array-slab.js';
export * from './slab/hash-slab.js';
export type { Slabbable } from './slab/slabbable.js';
export type { BearerStats } from './stats.js';
export * from './trace/replay.js';
export * from './trace/ring-trace.js';
export {
  parseTrace,
  type Trace,
  type TracedCompletion,
  type TracedStale,
  type TracedSubmission,
  type TraceEvent,
  type TraceKey,
} from './trace/trace-format.js';
export { type CompletionListener, TypedPush } from './typed-push.js';
