import type { PeerAddress } from '../sans-io/left.js';

/** What a runtime tells of itself, beside its counters. */
export interface RuntimeObserver {
  /** Accepting stopped for want of room (true), or goes on (false). */
  acceptPaused(paused: boolean, connections: number, maxConnections: number): void;
  /** A peer took no byte for `writeTimeoutMs`: its connection is closed. */
  writeTimedOut(peer: PeerAddress | null): void;
}
