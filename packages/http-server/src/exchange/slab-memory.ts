/** Bytes taken from the allocator at once, and the most that one piece outliving its neighbours can hold on to beside its own. */
const SLAB_BYTES = 8192;

/**
 * Memory for small copies that nobody but us ever sees, as their slab is shared by many: heads that outlive the receive buffer they came in, bodies of
 * responses. An allocation of its own costs an asynchronous handler more than parsing its request does. A slab is collected with the last piece in it.
 */
export class SlabMemory {
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
    this.#slab.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), at);
    this.#used = at + length;
    return at;
  }
}
