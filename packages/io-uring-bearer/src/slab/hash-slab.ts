import { checkSlabCapacity, SLAB_STATE, type Slabbable } from './slabbable.js';

interface Entry<T> {
  slot: number;
  committed: boolean;
  value: T | undefined;
}

/**
 * A slab keyed by one generation that rotates over all slots, looked up in a hash table, with a first-in-first-out free list: a key
 * and a slot are reused as late as possible. Slower than {@link ArraySlab}; of use when hunting stale completions, as two records
 * never share a generation within 2^32 submissions.
 */
export class HashSlab<T> implements Slabbable<T> {
  readonly capacity: number;
  readonly #entries = new Map<number, Entry<T>>();
  readonly #generations: Int32Array;
  readonly #held: Uint8Array;
  readonly #free: Int32Array;
  #freeHead = 0;
  #freeCount: number;
  #next: number;

  /**
   * @param capacity slots, 1 to 2^20
   * @param firstGeneration the first generation issued; tests use it to reach the wrap
   */
  constructor(capacity: number, firstGeneration = 1) {
    checkSlabCapacity(capacity);
    this.capacity = capacity;
    this.#generations = new Int32Array(capacity);
    this.#held = new Uint8Array(capacity);
    this.#free = new Int32Array(capacity);
    for (let slot = 0; slot < capacity; slot++) this.#free[slot] = slot;
    this.#freeCount = capacity;
    this.#next = firstGeneration | 0;
  }

  get used(): number {
    return this.capacity - this.#freeCount;
  }

  reserve(): number {
    if (this.#freeCount === 0) return -1;
    const slot = this.#free[this.#freeHead]!;
    this.#freeHead = (this.#freeHead + 1) % this.capacity;
    this.#freeCount--;
    // After a wrap a long-lived record may still hold the number: at most `capacity` of them, so this ends.
    while (this.#entries.has(this.#next)) this.#next = (this.#next + 1) | 0;
    this.#generations[slot] = this.#next;
    this.#held[slot] = 1;
    this.#entries.set(this.#next, { slot, committed: false, value: undefined });
    this.#next = (this.#next + 1) | 0;
    return slot;
  }

  generation(slot: number): number {
    return this.#generations[slot]!;
  }

  commit(slot: number, value: T): void {
    const entry = this.#entry(slot);
    if (entry.committed) throw new Error(SLAB_STATE);
    entry.committed = true;
    entry.value = value;
  }

  cancel(slot: number): void {
    if (this.#entry(slot).committed) throw new Error(SLAB_STATE);
    this.#recycle(slot);
  }

  get(slot: number, generation: number): T | undefined {
    const entry = this.#entries.get(generation);
    return entry !== undefined && entry.slot === slot ? entry.value : undefined;
  }

  release(slot: number): T {
    const entry = this.#entry(slot);
    if (!entry.committed) throw new Error(SLAB_STATE);
    this.#recycle(slot);
    return entry.value as T;
  }

  #entry(slot: number): Entry<T> {
    const entry = this.#held[slot] === 1 ? this.#entries.get(this.#generations[slot]!) : undefined;
    if (entry === undefined) throw new Error(SLAB_STATE);
    return entry;
  }

  #recycle(slot: number): void {
    this.#entries.delete(this.#generations[slot]!);
    this.#held[slot] = 0;
    this.#free[(this.#freeHead + this.#freeCount) % this.capacity] = slot;
    this.#freeCount++;
  }
}
