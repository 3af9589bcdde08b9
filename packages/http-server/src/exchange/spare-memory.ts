import type { HeldBytes } from '../sans-io/held-bytes.js';

/** Sizes are powers of two, from this */
const BYTES_MIN = 32 * 1024;
/** to this. What is longer is rare, and left to the garbage collector. */
const BYTES_MAX = 4 * 1024 * 1024;
/** Most that is kept for the next ones. */
const SPARE_BYTES_MAX = 32 * 1024 * 1024;

/** Memory that is free. */
interface Spares {
  readonly free: Map<number, Uint8Array[]>;
  bytes: number;
}

/**
 * Memory for large copies that nobody but us ever sees, used again and again: V8 starts a full collection for every thirty new buffers of 1 MiB, and each
 * costs more than the copies. Whatever holds some of it keeps the spare memory alive; when nothing does, it goes with the next collection. What is never given back
 * is garbage like any other.
 */
export class SpareMemory {
  #spares = new WeakRef<Spares>({ free: new Map(), bytes: 0 });

  /** A copy of `bytes`; null where it is no use. */
  copy(bytes: Uint8Array): SpareBytes | null {
    const { length } = bytes;
    if (length < BYTES_MIN || length > BYTES_MAX) return null;
    const size = 2 ** Math.ceil(Math.log2(length));
    let spares = this.#spares.deref();
    if (spares === undefined) {
      spares = { free: new Map(), bytes: 0 };
      this.#spares = new WeakRef(spares);
    }
    let memory = spares.free.get(size)?.pop();
    if (memory === undefined) memory = new Uint8Array(Buffer.allocUnsafeSlow(size).buffer);
    else spares.bytes -= size;
    memory.set(bytes);
    return new SpareBytes(spares, memory, length);
  }
}

/** Some of it. */
export class SpareBytes implements HeldBytes {
  readonly #spares: Spares;
  #memory: Uint8Array | null;
  readonly byteLength: number;

  constructor(spares: Spares, memory: Uint8Array, byteLength: number) {
    this.#spares = spares;
    this.#memory = memory;
    this.byteLength = byteLength;
  }

  get bytes(): Uint8Array {
    if (this.#memory === null) throw new Error(RELEASED);
    return this.#memory.subarray(0, this.byteLength);
  }

  get busy(): boolean {
    return false;
  }

  release(): void {
    const memory = this.#memory;
    if (memory === null) return;
    this.#memory = null;
    const spares = this.#spares;
    const { length } = memory;
    if (spares.bytes + length > SPARE_BYTES_MAX) return;
    spares.bytes += length;
    const free = spares.free.get(length);
    if (free === undefined) spares.free.set(length, [memory]);
    else free.push(memory);
  }

  move(): SpareBytes {
    const memory = this.#memory;
    if (memory === null) throw new Error(RELEASED);
    this.#memory = null;
    return new SpareBytes(this.#spares, memory, this.byteLength);
  }
}

const RELEASED = 'Cannot use bytes after they were given back';
