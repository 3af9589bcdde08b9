import { AtCapacity } from './errors.js';

/**
 * What a bearer is bounded in. Each is fixed at construction, but for the two queues, which `resize` changes; hitting one throws
 * {@link AtCapacity}.
 *
 * - `CoreQueue`: entries of the submission queue, a power of two
 * - `CompletionQueue`: entries of the completion queue, a power of two, at least CoreQueue
 * - `RegisteredFd`: slots of the fixed-file table (direct descriptors)
 * - `PendingCompletions`: operations in flight
 * - `Buffers`: buffers of all pools and groups
 * - `BufferBytes`: bytes of all pools and groups
 * - `BufferGroups`: groups of provided buffers
 * - `RegisteredBuffers`: slots of the table of registered (fixed) buffers
 * - `Futexes`: futex words
 */
export const BEARER_CAPACITY_KINDS = [
  'CoreQueue',
  'CompletionQueue',
  'RegisteredFd',
  'PendingCompletions',
  'Buffers',
  'BufferBytes',
  'BufferGroups',
  'RegisteredBuffers',
  'Futexes',
] as const;

/** One of {@link BEARER_CAPACITY_KINDS}. */
export type BearerCapacityKind = (typeof BEARER_CAPACITY_KINDS)[number];

/** Capacities to give a bearer. Only `CoreQueue` is required. */
export type BearerCapacity = {
  /** Entries of the submission queue, a power of two. */
  readonly CoreQueue: number;
} & {
  readonly [Kind in Exclude<BearerCapacityKind, 'CoreQueue'>]?: number;
};

/** Sizes of the two queues, for `resize`: powers of two, CompletionQueue at least CoreQueue. */
export interface QueueSizes {
  /** Entries of the submission queue, 1 to 32768. Default: as it is. */
  readonly CoreQueue?: number;
  /** Entries of the completion queue, 2 to 65536. Default: as it is. */
  readonly CompletionQueue?: number;
}

/** Limit, present use and highest use of one kind. */
export interface CapacityUse {
  /** The most there may be. */
  readonly limit: number;
  /** In use now. */
  readonly used: number;
  /** The most there were in use. */
  readonly peak: number;
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly powerOfTwo?: true;
  readonly fallback: (core: number) => number;
}

const BOUNDS: { readonly [Kind in BearerCapacityKind]: Bounds } = {
  // The kernel's IORING_MAX_ENTRIES and IORING_MAX_CQ_ENTRIES.
  CoreQueue: { min: 1, max: 32_768, powerOfTwo: true, fallback: (core) => core },
  CompletionQueue: {
    min: 2,
    max: 65_536,
    powerOfTwo: true,
    fallback: (core) => Math.min(65_536, Math.max(2, core * 4)),
  },
  // IORING_MAX_FIXED_FILES is 2^20.
  RegisteredFd: { min: 0, max: 1_048_576, fallback: () => 0 },
  // Slots are numbered in 20 bits, so that a key is a safe integer.
  PendingCompletions: { min: 1, max: 1_048_575, fallback: (core) => Math.max(1024, core * 4) },
  Buffers: { min: 0, max: 1_048_576, fallback: () => 4096 },
  BufferBytes: { min: 0, max: 2 ** 40, fallback: () => 64 * 1024 * 1024 },
  // Group ids have 16 bits.
  BufferGroups: { min: 0, max: 65_536, fallback: () => 16 },
  // IORING_MAX_REG_BUFFERS is 2^14. The kernel hears of the table with the first buffer, so a default costs nothing.
  RegisteredBuffers: { min: 0, max: 16_384, fallback: () => 256 },
  Futexes: { min: 0, max: 1_048_576, fallback: () => 1024 },
};

/** Checks and counts every capacity of one bearer. */
export class CapacityLedger {
  readonly #limits: Record<BearerCapacityKind, number>;
  readonly #used: Record<BearerCapacityKind, number>;
  readonly #peak: Record<BearerCapacityKind, number>;

  readonly #onFull: (error: AtCapacity) => AtCapacity;

  /**
   * @param onFull told of every refusal; returns the error to throw
   * @throws RangeError or TypeError when a value is out of its bounds, naming kind, bounds and value
   */
  constructor(capacity: BearerCapacity, onFull = (error: AtCapacity): AtCapacity => error) {
    this.#onFull = onFull;
    const zero = () =>
      Object.fromEntries(BEARER_CAPACITY_KINDS.map((kind) => [kind, 0])) as Record<
        BearerCapacityKind,
        number
      >;
    this.#limits = zero();
    this.#used = zero();
    this.#peak = zero();
    if (typeof capacity !== 'object' || capacity === null) {
      throw new TypeError(
        `Cannot make a bearer as capacity must be an object like { CoreQueue: 256 }: current value is ${capacity}`,
      );
    }
    for (const kind of Object.keys(capacity)) {
      if (!(kind in BOUNDS)) {
        throw new TypeError(
          `Cannot make a bearer as ${kind} is no capacity: use ${BEARER_CAPACITY_KINDS.join(', ')}; options such as driver go into the second argument`,
        );
      }
    }
    for (const kind of BEARER_CAPACITY_KINDS) {
      const bounds = BOUNDS[kind];
      const value = capacity[kind] ?? bounds.fallback(capacity.CoreQueue);
      checkBounds('make a bearer', kind, value, bounds);
      this.#limits[kind] = value;
    }
    checkQueues('make a bearer', this.#limits);
  }

  /**
   * The sizes both queues are to have: what is not given stays as it is.
   * @throws RangeError or TypeError when a value is out of its bounds, naming kind, bounds and value
   */
  resized(sizes: QueueSizes): Required<QueueSizes> {
    if (typeof sizes !== 'object' || sizes === null) {
      throw new TypeError(
        `Cannot resize the queues as the sizes must be an object like { CoreQueue: 256 }: current value is ${sizes}`,
      );
    }
    for (const kind of Object.keys(sizes)) {
      if (kind !== 'CoreQueue' && kind !== 'CompletionQueue') {
        throw new TypeError(
          `Cannot resize ${kind} as only CoreQueue and CompletionQueue change after a bearer is made`,
        );
      }
    }
    const { CoreQueue = this.#limits.CoreQueue, CompletionQueue = this.#limits.CompletionQueue } =
      sizes;
    const resized = { CoreQueue, CompletionQueue };
    for (const kind of ['CoreQueue', 'CompletionQueue'] as const)
      checkBounds('resize the queues', kind, resized[kind], BOUNDS[kind]);
    checkQueues('resize the queues', resized);
    return resized;
  }

  /** The queues have these sizes now. */
  resize({ CoreQueue, CompletionQueue }: Required<QueueSizes>): void {
    this.#limits.CoreQueue = CoreQueue;
    this.#limits.CompletionQueue = CompletionQueue;
  }

  /** The most there may be of `kind`. */
  limit(kind: BearerCapacityKind): number {
    return this.#limits[kind];
  }
  /** How much of `kind` is in use. */
  used(kind: BearerCapacityKind): number {
    return this.#used[kind];
  }

  /** Takes `count` of a kind. @throws AtCapacity, having taken nothing */
  take(kind: BearerCapacityKind, count = 1): void {
    const used = this.#used[kind] + count;
    if (used > this.#limits[kind])
      throw this.#onFull(new AtCapacity(kind, this.#limits[kind], this.#used[kind], count));
    this.#used[kind] = used;
    if (used > this.#peak[kind]) this.#peak[kind] = used;
  }
  /** Gives `count` of a kind back. */
  give(kind: BearerCapacityKind, count = 1): void {
    this.#used[kind] -= count;
  }
  /** Limit, use and peak of every kind. */
  report(): Record<BearerCapacityKind, CapacityUse> {
    return Object.fromEntries(
      BEARER_CAPACITY_KINDS.map((kind) => [
        kind,
        { limit: this.#limits[kind], used: this.#used[kind], peak: this.#peak[kind] },
      ]),
    ) as Record<BearerCapacityKind, CapacityUse>;
  }
}

function checkQueues(verb: string, { CoreQueue, CompletionQueue }: Required<QueueSizes>): void {
  if (CompletionQueue >= CoreQueue) return;
  throw new RangeError(
    `Cannot ${verb} as CompletionQueue must be >= CoreQueue (${CoreQueue}): current value is ${CompletionQueue}`,
  );
}

function checkBounds(verb: string, kind: BearerCapacityKind, value: number, bounds: Bounds): void {
  const fail = (rule: string): never => {
    throw new RangeError(`Cannot ${verb} as ${kind} must be ${rule}: current value is ${value}`);
  };
  if (!Number.isInteger(value) || value < bounds.min || value > bounds.max) {
    fail(`an integer from ${bounds.min} to ${bounds.max}`);
  }
  if (bounds.powerOfTwo && (value & (value - 1)) !== 0) {
    fail(`a power of two (the next is ${2 ** Math.ceil(Math.log2(value))})`);
  }
}
