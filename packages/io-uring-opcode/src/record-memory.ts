/**
 * Bytes of record memory that every slot of the slab owns: enough for a `sockaddr_storage` (128)
 * with its length, a `__kernel_timespec`, an `epoll_event`, or a path of up to 255 bytes.
 */
export const RECORD_BYTES = 256;

/**
 * A cursor over one record's memory: {@link RECORD_BYTES} bytes at an address that does not move
 * while the operation is in flight. Operations keep the structures there that the kernel reads or
 * writes behind the SQE (addresses, timespecs, events).
 *
 * Offsets are relative to the record; a byte outside of it throws RangeError.
 */
export class RecordMemory {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #addressLow: number;
  readonly #addressHigh: number;
  #base = 0;

  /**
   * @param bytes record memory of the whole slab, a multiple of {@link RECORD_BYTES} long
   * @param addressLow low half of the address of `bytes`
   * @param addressHigh high half of the address of `bytes`
   */
  constructor(bytes: Uint8Array, addressLow: number, addressHigh: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#addressLow = addressLow >>> 0;
    this.#addressHigh = addressHigh >>> 0;
  }

  /** Moves the cursor to the record of `slot`. Only the bearer calls this. */
  select(slot: number): void {
    this.#base = slot * RECORD_BYTES;
  }

  /** Low half of the address of byte `offset` of the record. */
  addressLow(offset: number): number {
    return (this.#addressLow + this.#base + offset) >>> 0;
  }

  /** High half of the address of byte `offset` of the record. */
  addressHigh(offset: number): number {
    return this.#addressLow + this.#base + offset > 0xffff_ffff
      ? (this.#addressHigh + 1) >>> 0
      : this.#addressHigh;
  }

  /** Sets `length` bytes from `offset` to zero. */
  clear(offset: number, length: number): void {
    this.#check(offset, length);
    this.#bytes.fill(0, this.#base + offset, this.#base + offset + length);
  }

  /** The byte at `offset`. */
  getUint8(offset: number): number {
    this.#check(offset, 1);
    return this.#view.getUint8(this.#base + offset);
  }
  /** Writes the byte at `offset`. */
  setUint8(offset: number, value: number): void {
    this.#check(offset, 1);
    this.#view.setUint8(this.#base + offset, value);
  }
  /** Little-endian, as every machine io_uring runs on with Node.js is. */
  getUint16(offset: number): number {
    this.#check(offset, 2);
    return this.#view.getUint16(this.#base + offset, true);
  }
  /** Little-endian. */
  setUint16(offset: number, value: number): void {
    this.#check(offset, 2);
    this.#view.setUint16(this.#base + offset, value, true);
  }
  /** Network byte order: ports. */
  getUint16Network(offset: number): number {
    this.#check(offset, 2);
    return this.#view.getUint16(this.#base + offset, false);
  }
  /** Network byte order. */
  setUint16Network(offset: number, value: number): void {
    this.#check(offset, 2);
    this.#view.setUint16(this.#base + offset, value, false);
  }
  /** Little-endian. */
  getUint32(offset: number): number {
    this.#check(offset, 4);
    return this.#view.getUint32(this.#base + offset, true);
  }
  /** Little-endian. */
  setUint32(offset: number, value: number): void {
    this.#check(offset, 4);
    this.#view.setUint32(this.#base + offset, value, true);
  }
  /** Little-endian. */
  getInt32(offset: number): number {
    this.#check(offset, 4);
    return this.#view.getInt32(this.#base + offset, true);
  }
  /** A signed 64-bit integer. Beyond 2^53 the lowest bits are rounded away. */
  getInt64(offset: number): number {
    return this.getInt32(offset + 4) * 0x1_0000_0000 + this.getUint32(offset);
  }
  /** An unsigned 64-bit integer, exactly. */
  getBigUint64(offset: number): bigint {
    this.#check(offset, 8);
    return this.#view.getBigUint64(this.#base + offset, true);
  }
  /** A 64-bit integer from two halves. */
  setUint64(offset: number, low: number, high: number): void {
    this.setUint32(offset, low);
    this.setUint32(offset + 4, high);
  }
  /** A non-negative safe integer as 64 bits. */
  setSafeInteger(offset: number, value: number): void {
    this.setUint32(offset, value >>> 0);
    this.setUint32(offset + 4, Math.floor(value / 0x1_0000_0000));
  }
  /** Copies `source` into the record. */
  setBytes(offset: number, source: Uint8Array): void {
    this.#check(offset, source.length);
    this.#bytes.set(source, this.#base + offset);
  }
  /** A copy of `length` bytes of the record. */
  copyBytes(offset: number, length: number): Uint8Array {
    this.#check(offset, length);
    return this.#bytes.slice(this.#base + offset, this.#base + offset + length);
  }

  #check(offset: number, length: number): void {
    if (offset < 0 || offset + length > RECORD_BYTES) throw new RangeError(OUTSIDE);
  }
}

const OUTSIDE = 'Cannot touch record memory outside of its 256 bytes';
