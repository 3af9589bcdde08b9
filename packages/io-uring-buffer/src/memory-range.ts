import type { UnsafeMemory } from '@ringbearer/io-uring-owner';

const HALF = 0x1_0000_0000;

/**
 * A part of an arena: its bytes and where they are. This is raw memory: whoever holds one answers for what the kernel does
 * with it. Pools, rings and words take theirs with `arena.reserve` and hand out safe objects.
 */
export class MemoryRange implements UnsafeMemory {
  readonly addressLow: number;
  readonly addressHigh: number;
  /** Bytes of the range. */
  readonly byteLength: number;
  readonly #buffer: ArrayBufferLike;
  readonly #byteOffset: number;
  #bytes: Uint8Array | null = null;

  /** `byteLength` bytes of `parent`, from `offset` on; the caller has checked that they are inside. */
  constructor(parent: UnsafeMemory, offset: number, byteLength: number) {
    const low = parent.addressLow + offset; // exact: offset is far below 2^53
    this.addressLow = low >>> 0;
    this.addressHigh = (parent.addressHigh + Math.floor(low / HALF)) >>> 0;
    this.byteLength = byteLength;
    this.#buffer = parent.bytes.buffer;
    this.#byteOffset = parent.bytes.byteOffset + offset;
  }

  /** A view of exactly this range. Made when first asked for. */
  get bytes(): Uint8Array {
    this.#bytes ??= new Uint8Array(this.#buffer, this.#byteOffset, this.byteLength);
    return this.#bytes;
  }
}
