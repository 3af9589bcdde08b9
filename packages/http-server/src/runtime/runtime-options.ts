import type { Blueprint, LayerBlueprint } from '../sans-io/blueprint.js';
import type { Overload } from './admission.js';
import type { RuntimeObserver } from './runtime-observer.js';
import type { StatsBoard } from './stats-board.js';

/** What every runtime that has sockets needs to know. Sizes are bytes, times milliseconds. */
export interface RuntimeOptions {
  /** The protocol at the end of every connection's pipeline. */
  readonly app: Blueprint;
  /** Layers in front of it, outermost first. Default none. */
  readonly layers?: readonly LayerBlueprint[];
  /** Connections at once; those above it wait. Default 8192, less where "ulimit -n" is lower. */
  readonly maxConnections?: number;
  /**
   * Connections at once from one address (IPv6: one /64 network). More are refused. A ring needs three system calls for each connection to find its
   * address. Default Infinity.
   */
  readonly maxConnectionsPerAddress?: number;
  /** Above `maxConnections`, connections wait (`'pause'`, the default) or are refused. */
  readonly overload?: Overload;
  /** What connections get that are refused, behind the same layers. Default: they are closed. */
  readonly refusal?: Blueprint;
  /** Longest wait for the peer to take bytes of one send, or with node:net 64 KiB. Default 30 000. */
  readonly writeTimeoutMs?: number;
  /** Longest wait for the peer's FIN after ours. Default 2000. */
  readonly lingerTimeoutMs?: number;
  /** Where counters are published, for other threads. Default nowhere. */
  readonly board?: StatsBoard;
  /** Hears of pauses in accepting and of peers that take no bytes. */
  readonly observer?: RuntimeObserver;
}
