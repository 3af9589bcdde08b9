/** Sizes grow by doubling from here, */
const BYTES_MIN = 1024;
/** to here, */
const DOUBLING_BYTES_MAX = 32 * 1024;
/** and then in steps of this: what one peer can make us keep is bounded, and half of it should not be air. */
const STEP_BYTES = 8 * 1024;
/** An empty carry keeps at most this much for the next partial message. */
const KEPT_BYTES_MAX = 4096;

/** Bytes that an orbit did not consume yet, contiguous. */
export interface Kept {
  /** The memory they are in. */
  readonly bytes: Uint8Array;
  /** Where in it they begin. */
  readonly start: number;
  /** How many there are. */
  readonly length: number;
  /** More came. */
  append(source: Uint8Array, from: number, to: number): void;
  /** The first of them were taken. */
  consume(count: number): void;
}

/** What is {@link Kept} in memory that grows with it. Empty carries hold next to no memory. */
export class Carry implements Kept {
  bytes: Uint8Array = EMPTY;
  start = 0;
  length = 0;

  append(source: Uint8Array, from: number, to: number): void {
    const added = to - from;
    const needed = this.length + added;
    if (this.start + needed > this.bytes.length) {
      if (needed <= this.bytes.length) {
        this.bytes.copyWithin(0, this.start, this.start + this.length);
      } else {
        let size = Math.max(BYTES_MIN, this.bytes.length);
        while (size < needed && size < DOUBLING_BYTES_MAX) size *= 2;
        if (size < needed) size = Math.ceil(needed / STEP_BYTES) * STEP_BYTES;
        const larger = new Uint8Array(size);
        larger.set(this.bytes.subarray(this.start, this.start + this.length));
        this.bytes = larger;
      }
      this.start = 0;
    }
    this.bytes.set(source.subarray(from, to), this.start + this.length);
    this.length = needed;
  }

  consume(count: number): void {
    this.start += count;
    this.length -= count;
    if (this.length === 0) this.clear();
  }

  clear(): void {
    this.start = 0;
    this.length = 0;
    if (this.bytes.length > KEPT_BYTES_MAX) this.bytes = EMPTY;
  }
}

const EMPTY = new Uint8Array(0);
