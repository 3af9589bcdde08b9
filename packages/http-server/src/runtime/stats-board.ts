import type { RuntimeStats } from './io-uring/index.js';
import type { RuntimeCounts } from './runtime.js';

/** Counters and capacities of a ring since its start; summed up where there are several. */
export type RingTotals = RuntimeStats['ring'];

/** What a {@link StatsBoard} holds. */
export interface BoardStats extends RuntimeCounts {
  /** Counters of the ring; null on node:net. */
  readonly ring: RingTotals | null;
}

type Capacity = RingTotals['capacity'];

const CONNECTIONS = 0;
const MAX_CONNECTIONS = 1;
const ACCEPT_PAUSED = 2;
const ZERO_COPY_PAUSED = 3;
const COUNTERS = 4;
const COUNTER_NAMES = [
  'accepted',
  'bytesReceived',
  'bytesSent',
  'connectionsRefused',
  'zeroCopySends',
  'zeroCopyCopied',
] as const;
const HAS_RING = COUNTERS + COUNTER_NAMES.length;
const RING = HAS_RING + 1;
const RING_NAMES = [
  'submitted',
  'completed',
  'enters',
  'overflows',
  'dropped',
  'stale',
  'noBuffers',
] as const satisfies readonly (keyof RingTotals)[];
/** What the kernel or the addon counts in 32 bits, and begins anew after. */
const WRAPS: readonly string[] = ['enters', 'dropped'];
const CAPACITY = RING + RING_NAMES.length;
const CAPACITY_KINDS = [
  'CoreQueue',
  'CompletionQueue',
  'RegisteredFd',
  'PendingCompletions',
  'Buffers',
  'BufferBytes',
  'BufferGroups',
  'RegisteredBuffers',
  'Futexes',
] as const satisfies readonly (keyof Capacity)[];
const USE = ['limit', 'used', 'peak'] as const;
const WORDS = CAPACITY + CAPACITY_KINDS.length * USE.length;

/**
 * Counters of one runtime in shared memory: written by its thread, read by any other at any time, so that asking takes nobody's turn
 * and a thread that is busy, or gone, still has its numbers. Connections are exact; the rest is as of the last tick.
 *
 * A board on memory that was one before goes on counting where that ended: counters never fall.
 */
export class StatsBoard {
  /** Bytes of memory a board takes, a multiple of 8. */
  static readonly BYTES: number = WORDS * 8;
  /** What another thread needs, to make a board of its own on it. */
  readonly memory: SharedArrayBuffer;
  // A word of 8 bytes that is aligned is loaded and stored whole on every machine of 64 bits. These are statistics: no order between them is
  // promised. Doubles count exactly to 2^53, which are 9 petabytes.
  readonly #words: Float64Array;
  /** What the runtime said last: it counts from 0, the words may not. */
  readonly #last = new Float64Array(WORDS);

  /** @param byteOffset a multiple of 8 */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(StatsBoard.BYTES), byteOffset = 0) {
    this.memory = memory;
    this.#words = new Float64Array(memory, byteOffset, WORDS);
  }

  /** A connection was accepted. */
  accepted(connections: number, accepted: number): void {
    this.#words[CONNECTIONS] = connections;
    this.#count(COUNTERS, accepted);
  }

  /** A connection closed. */
  closed(connections: number): void {
    this.#words[CONNECTIONS] = connections;
  }

  /** Everything. */
  publish(stats: RuntimeCounts & { readonly ring?: RingTotals | null }): void {
    const words = this.#words;
    words[CONNECTIONS] = stats.connections;
    words[MAX_CONNECTIONS] = stats.maxConnections;
    words[ACCEPT_PAUSED] = stats.acceptPaused ? 1 : 0;
    words[ZERO_COPY_PAUSED] = stats.zeroCopyPaused ? 1 : 0;
    for (const [index, name] of COUNTER_NAMES.entries()) this.#count(COUNTERS + index, stats[name]);
    const { ring } = stats;
    if (!ring) return;
    words[HAS_RING] = 1;
    for (const [index, name] of RING_NAMES.entries()) {
      if (WRAPS.includes(name)) this.#countWrapping(RING + index, ring[name]);
      else this.#count(RING + index, ring[name]);
    }
    let word = CAPACITY;
    for (const kind of CAPACITY_KINDS) {
      for (const name of USE) words[word++] = ring.capacity[kind][name];
    }
  }

  /** Its runtime is gone: what there was of it at a time is no more, what it counted stays. */
  abandon(): void {
    const words = this.#words;
    words[CONNECTIONS] = 0;
    words[MAX_CONNECTIONS] = 0;
    words[ACCEPT_PAUSED] = 0;
    words[ZERO_COPY_PAUSED] = 0;
    for (let word = CAPACITY; word < WORDS; word++) words[word] = 0;
  }

  /** What its thread published last. */
  read(): BoardStats {
    const words = this.#words;
    const counters = numbers(COUNTER_NAMES, (index) => words[COUNTERS + index]!);
    return {
      connections: words[CONNECTIONS]!,
      maxConnections: words[MAX_CONNECTIONS]!,
      acceptPaused: words[ACCEPT_PAUSED] !== 0,
      zeroCopyPaused: words[ZERO_COPY_PAUSED] !== 0,
      ...counters,
      ring: words[HAS_RING] === 0 ? null : this.#ring(),
    };
  }

  #ring(): RingTotals {
    const words = this.#words;
    const capacity: Partial<Record<keyof Capacity, Capacity[keyof Capacity]>> = {};
    for (const [row, kind] of CAPACITY_KINDS.entries())
      capacity[kind] = numbers(USE, (index) => words[CAPACITY + row * USE.length + index]!);
    const totals = numbers(RING_NAMES, (index) => words[RING + index]!);
    return { ...totals, capacity: capacity as Capacity };
  }

  #count(word: number, value: number): void {
    const more = value - this.#last[word]!;
    this.#last[word] = value;
    this.#words[word]! += more;
  }

  #countWrapping(word: number, value: number): void {
    const more = (value - this.#last[word]!) >>> 0;
    this.#last[word] = value;
    this.#words[word]! += more;
  }
}

function numbers<Name extends string>(
  names: readonly Name[],
  at: (index: number) => number,
): Record<Name, number> {
  const record: Partial<Record<Name, number>> = {};
  for (const [index, name] of names.entries()) record[name] = at(index);
  return record as Record<Name, number>;
}
