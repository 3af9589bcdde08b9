/** Bytes taken from the allocator at once, and the most that one head outliving its neighbours can hold on to beside its own. */
const SLAB_BYTES = 8192;

/**
 * Memory for heads that outlive the receive buffer they came in: slabs shared by many, as an allocation of its own costs every asynchronous handler
 * more than parsing its request did. A slab is collected with the last head in it. Nobody outside of a head ever sees these bytes.
 */
export class HeadMemory {
  #slab = new Uint8Array(0);
  #used = 0;

  /** After {@link keep}: the memory that has the bytes. */
  get slab(): Uint8Array {
    return this.#slab;
  }

  /** Copies `bytes[start, end)`. Returns where they lie in {@link slab}, which later calls may replace. */
  keep(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (this.#used + length > this.#slab.length) {
      this.#slab = new Uint8Array(Math.max(SLAB_BYTES, length));
      this.#used = 0;
    }
    const at = this.#used;
    this.#slab.set(bytes.subarray(start, end), at);
    this.#used = at + length;
    return at;
  }
}
