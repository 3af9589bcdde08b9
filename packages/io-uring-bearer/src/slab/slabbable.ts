/**
 * A bounded store of records, addressed by slot and generation. The bearer keeps one record per operation in flight and writes
 * slot and generation into the SQE's `user_data`, so a completion finds its record and a late one does not find somebody else's.
 *
 * Five guarantees, which one property suite checks for every implementation:
 * 1. **Stable addresses**: a slot is an index below {@link capacity} that does not change while it is held, so the record memory
 *    at `slot * RECORD_BYTES` does not move.
 * 2. **Bounded**: never more than `capacity` slots are held; nothing grows.
 * 3. **O(1)**: every method takes constant time.
 * 4. **No key reuse while referenced**: a pair (slot, generation) is issued again only after its release and, for one slot, after
 *    2^32 other generations.
 * 5. **Reserve, commit, cancel**: a reserved slot holds nothing that can be looked up until it is committed; a cancelled one never did.
 */
export interface Slabbable<T> {
  /** The most slots that can be held at once. */
  readonly capacity: number;
  /** Slots held: reserved or committed. */
  readonly used: number;
  /** Takes a free slot, or returns -1 when all are held. */
  reserve(): number;
  /** The generation (a 32-bit integer, signed) a held slot has now. */
  generation(slot: number): number;
  /** Fills a reserved slot. */
  commit(slot: number, value: T): void;
  /** Gives a reserved slot back unfilled. */
  cancel(slot: number): void;
  /** The value at a key, or undefined when the key is stale, foreign or only reserved. */
  get(slot: number, generation: number): T | undefined;
  /** Gives a committed slot back and returns what it held. */
  release(slot: number): T;
}

export const SLAB_STATE =
  'Cannot release, commit or cancel a slot in this state: the record is not held that way';

/** @throws RangeError unless `capacity` is an integer from 1 to 2^20 */
export function checkSlabCapacity(capacity: number): void {
  if (!Number.isInteger(capacity) || capacity < 1 || capacity > 2 ** 20) {
    throw new RangeError(
      `Cannot make a slab as capacity must be an integer from 1 to 1048576: current value is ${capacity}`,
    );
  }
}
