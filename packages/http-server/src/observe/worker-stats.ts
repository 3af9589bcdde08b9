import type { ServerStats } from './stats.js';

/** What a worker is doing. `'restarting'`: it ended unasked, and waits for its back-off or starts; connections wait in the queue of its socket. */
export type WorkerState = 'serving' | 'restarting' | 'ended';

/** Counters of one worker, over all threads that were it. */
export interface WorkerStats extends ServerStats {
  /** 0 for the first one. */
  readonly index: number;
  /** Node's number of the thread that serves, null while there is none. */
  readonly threadId: number | null;
  /** What it is doing. */
  readonly state: WorkerState;
  /** Threads that were replaced, accept no more, and still have connections. */
  readonly draining: number;
  /** Times it was started again after it had ended unasked. */
  readonly restarts: number;
}

/**
 * Counters of all workers. What is counted never falls: threads that ended keep their part in it. Requests a thread had when it ended unasked are
 * {@link ServerStats.lost}. `maxConnections` is that of all workers; a reload may exceed it while old threads drain. `acceptPaused`: by one of
 * them at least.
 */
export interface WorkerServerStats extends ServerStats {
  /** Times a worker was started again after it had ended unasked. */
  readonly restarts: number;
  /** Reloads that succeeded. */
  readonly reloads: number;
  /** Each worker's part in it. */
  readonly workers: readonly WorkerStats[];
}
