import type { RuntimeOptions } from '../runtime-options.js';

/** What an {@link IoUringRuntime} needs to know. Connections above `maxConnections` stay in the listener's backlog. */
export interface IoUringRuntimeOptions extends RuntimeOptions {
  /** How the ring shares its thread. Default `'owner'`. */
  readonly driver?: 'owner' | 'embedded';
  /**
   * Bytes from which a piece of the caller's memory is sent without a copy, where the peer is on another machine (kernel 6.7). At least 16 KiB; Infinity: never.
   * Default 256 KiB.
   */
  readonly minZeroCopyBytes?: number;
}
