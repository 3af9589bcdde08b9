import type { RuntimeCounts } from './runtime.js';

/** Counters of one ring since its start, summed up where there are several. */
export interface RingTotals {
  /** Entries written. */
  readonly submitted: number;
  /** Completions delivered. */
  readonly completed: number;
  /** io_uring_enter calls. */
  readonly enters: number;
  /** Wake-ups that found completions kept back because their queue was full. */
  readonly overflows: number;
  /** Completions whose key named no operation in flight. */
  readonly stale: number;
  /** Completions with -ENOBUFS. */
  readonly noBuffers: number;
}

/** What a {@link StatsBoard} holds. */
export interface BoardStats extends RuntimeCounts {
  /** Counters of the ring. */
  readonly ring: RingTotals;
}

const CONNECTIONS = 0;
const ACCEPTED = 1;
const MAX_CONNECTIONS = 2;
const ACCEPT_PAUSED = 3;
const BYTES_RECEIVED = 4;
const BYTES_SENT = 5;
const REFUSED = 6;
const RING = 7;
const RING_NAMES: readonly (keyof RingTotals)[] = [
  'submitted',
  'completed',
  'enters',
  'overflows',
  'stale',
  'noBuffers',
];

/**
 * Counters of one runtime in shared memory: written by its thread, read by any other at any time, so that asking takes nobody's turn
 * and a thread that is busy, or gone, still has its numbers. Connections are exact; the rest is as of the last tick.
 */
export class StatsBoard {
  /** Bytes of memory a board takes. */
  static readonly BYTES: number = (RING + RING_NAMES.length) * 8;
  /** What another thread needs, to make a board of its own on it. */
  readonly memory: SharedArrayBuffer;
  // Aligned words of 8 bytes are stored whole on every machine Node.js runs on. These are statistics: no order between them is promised.
  readonly #words: Float64Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(StatsBoard.BYTES)) {
    this.memory = memory;
    this.#words = new Float64Array(memory);
  }

  /** A connection was accepted. */
  accepted(connections: number, accepted: number): void {
    this.#words[CONNECTIONS] = connections;
    this.#words[ACCEPTED] = accepted;
  }

  /** A connection closed. */
  closed(connections: number): void {
    this.#words[CONNECTIONS] = connections;
  }

  /** Everything. */
  publish(stats: RuntimeCounts & { readonly ring?: RingTotals }): void {
    const words = this.#words;
    words[CONNECTIONS] = stats.connections;
    words[ACCEPTED] = stats.accepted;
    words[REFUSED] = stats.connectionsRefused;
    words[MAX_CONNECTIONS] = stats.maxConnections;
    words[ACCEPT_PAUSED] = stats.acceptPaused ? 1 : 0;
    words[BYTES_RECEIVED] = stats.bytesReceived;
    words[BYTES_SENT] = stats.bytesSent;
    const { ring } = stats;
    if (ring === undefined) return;
    for (const [index, name] of RING_NAMES.entries()) words[RING + index] = ring[name];
  }

  /** What its thread published last. */
  read(): BoardStats {
    const words = this.#words;
    const ring: Partial<Record<keyof RingTotals, number>> = {};
    for (const [index, name] of RING_NAMES.entries()) ring[name] = words[RING + index]!;
    return {
      connections: words[CONNECTIONS]!,
      maxConnections: words[MAX_CONNECTIONS]!,
      accepted: words[ACCEPTED]!,
      bytesReceived: words[BYTES_RECEIVED]!,
      bytesSent: words[BYTES_SENT]!,
      connectionsRefused: words[REFUSED]!,
      acceptPaused: words[ACCEPT_PAUSED] !== 0,
      ring: ring as RingTotals,
    };
  }
}

/** Sums up two. */
export function addTotals(one: RingTotals, other: RingTotals): RingTotals {
  const sum: Partial<Record<keyof RingTotals, number>> = {};
  for (const name of RING_NAMES) sum[name] = one[name] + other[name];
  return sum as RingTotals;
}

/** Nothing yet. */
export const NO_TOTALS: RingTotals = {
  submitted: 0,
  completed: 0,
  enters: 0,
  overflows: 0,
  stale: 0,
  noBuffers: 0,
};
