import type { RuntimeOptions } from '../runtime-options.js';

/** What an {@link IoUringRuntime} needs to know. Connections above `maxConnections` stay in the listener's backlog. */
export interface IoUringRuntimeOptions extends RuntimeOptions {
  /** How the ring shares its thread. Default `'owner'`. */
  readonly driver?: 'owner' | 'embedded';
}
