import { checkSlabCapacity, SLAB_STATE, type Slabbable } from './slabbable.js';

const FREE = 0;
const RESERVED = 1;
const COMMITTED = 2;

/**
 * The default slab: arrays indexed by slot, a last-in-first-out free list (the warmest record memory is used next), one
 * generation per slot that advances on every release.
 */
export class ArraySlab<T> implements Slabbable<T> {
  readonly capacity: number;
  readonly #values: (T | undefined)[];
  readonly #generations: Int32Array;
  readonly #states: Uint8Array;
  readonly #free: Int32Array;
  #freeCount: number;

  /**
   * @param capacity slots, 1 to 2^20
   * @param firstGeneration generation every slot starts with; tests use it to reach the wrap
   */
  constructor(capacity: number, firstGeneration = 1) {
    checkSlabCapacity(capacity);
    this.capacity = capacity;
    this.#values = new Array<T | undefined>(capacity).fill(undefined);
    this.#generations = new Int32Array(capacity).fill(firstGeneration);
    this.#states = new Uint8Array(capacity);
    this.#free = new Int32Array(capacity);
    for (let index = 0; index < capacity; index++) this.#free[index] = capacity - 1 - index;
    this.#freeCount = capacity;
  }

  get used(): number {
    return this.capacity - this.#freeCount;
  }

  reserve(): number {
    if (this.#freeCount === 0) return -1;
    const slot = this.#free[--this.#freeCount]!;
    this.#states[slot] = RESERVED;
    return slot;
  }

  generation(slot: number): number {
    return this.#generations[slot]!;
  }

  commit(slot: number, value: T): void {
    if (this.#states[slot] !== RESERVED) throw new Error(SLAB_STATE);
    this.#states[slot] = COMMITTED;
    this.#values[slot] = value;
  }

  cancel(slot: number): void {
    if (this.#states[slot] !== RESERVED) throw new Error(SLAB_STATE);
    this.#recycle(slot);
  }

  get(slot: number, generation: number): T | undefined {
    // Out of range reads give undefined, which equals no generation.
    return this.#generations[slot] === generation ? this.#values[slot] : undefined;
  }

  release(slot: number): T {
    if (this.#states[slot] !== COMMITTED) throw new Error(SLAB_STATE);
    const value = this.#values[slot] as T;
    this.#values[slot] = undefined;
    this.#recycle(slot);
    return value;
  }

  #recycle(slot: number): void {
    this.#states[slot] = FREE;
    // Int32Array wraps by itself: 2^32 generations a slot.
    this.#generations[slot] = this.#generations[slot]! + 1;
    this.#free[this.#freeCount++] = slot;
  }
}
