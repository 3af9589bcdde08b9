import type { Descriptor, FileBooks } from '@ringbearer/io-uring-fd';
import { byteLengthOf, type KernelMemory, type RegisteredMemory } from '@ringbearer/io-uring-owner';
import { SqeFlag } from './abi.generated.js';
import type { RecordMemory } from './record-memory.js';

/** 32-bit words of one submission queue entry (64 bytes). */
export const SQE_WORDS = 16;

// The flags are the second byte of word 0.
const FIXED_FILE = SqeFlag.FIXED_FILE << 8;
const BUFFER_SELECT = SqeFlag.BUFFER_SELECT << 8;

/** The bit of {@link Sqe.marks} that says: completions with F_MORE open descriptors. */
export const MARK_OPENS = 1 << 13; // beyond SubmissionFlags

/** Finds the address of caller-owned bytes: writes low and high half into `out`. */
export type AddressLookup = (bytes: ArrayBufferView, out: Uint32Array) => void;

/**
 * A write cursor over one submission queue entry. The bearer zeroes the entry, writes opcode,
 * SubmissionFlags and `user_data`, and hands the cursor to {@link OpCode.prepare}; after that call the cursor is
 * sealed and writing through a kept reference throws.
 *
 * Method names follow `struct io_uring_sqe` of io_uring_enter(2).
 */
export class Sqe {
  /** 256 bytes of stable memory that belong to this operation until its final completion. */
  readonly record: RecordMemory;
  /** The books of this ring's direct descriptors; null where nobody keeps any. */
  readonly files: FileBooks | null;
  /** What {@link OpCode.prepare} wants of the bearer, beside the entry: {@link opensMany}. */
  marks = 0;
  #words: Int32Array;
  readonly #lookup: AddressLookup;
  readonly #ring: object | null;
  readonly #address = new Uint32Array(2);
  #at = -1;

  /**
   * Only the bearer builds one.
   * @param ring stands for the ring whose registered buffers may be named; null: any
   */
  constructor(
    words: Int32Array,
    record: RecordMemory,
    lookup: AddressLookup,
    ring: object | null = null,
    files: FileBooks | null = null,
  ) {
    this.files = files;
    this.#ring = ring;
    this.#words = words;
    this.record = record;
    this.#lookup = lookup;
  }

  /**
   * Opens the entry at word index `at`: zeroes it and writes the first word, `user_data` and the upper half of `personality`, which is
   * where the entry has it. Bearer only.
   */
  open(at: number, codeAndFlags: number, slot: number, generation: number, personality = 0): void {
    const w = this.#words;
    this.#at = at;
    this.marks = 0;
    w[at] = codeAndFlags;
    w[at + 1] = -1;
    w[at + 2] = 0;
    w[at + 3] = 0;
    w[at + 4] = 0;
    w[at + 5] = 0;
    w[at + 6] = 0;
    w[at + 7] = 0;
    w[at + 8] = slot;
    w[at + 9] = generation;
    w[at + 10] = personality & ~0xffff;
    w[at + 11] = 0;
    w[at + 12] = 0;
    w[at + 13] = 0;
    w[at + 14] = 0;
    w[at + 15] = 0;
    this.record.select(slot);
  }

  /** Goes on in another queue's entries: the ring was resized. Bearer only. */
  move(words: Int32Array): void {
    this.seal();
    this.#words = words;
  }

  /** Ends the write access. Bearer only. */
  seal(): void {
    this.#at = -1;
  }

  /** `fd`: a regular descriptor, or a direct one with IOSQE_FIXED_FILE. */
  descriptor(target: Descriptor): void {
    const at = this.#open();
    this.#words[at + 1] = target.number;
    if (target.direct) this.#words[at]! |= FIXED_FILE;
  }
  /** `fd` as a plain number (AT_FDCWD, counts: some opcodes keep other things there). */
  fd(value: number): void {
    this.#words[this.#open() + 1] = value;
  }
  /** `ioprio`: multishot and poll-first flags of the network opcodes live here (16 bits). */
  ioprio(value: number): void {
    this.#words[this.#open()]! |= (value & 0xffff) << 16;
  }
  /** `off` / `addr2` as two halves. */
  offset(low: number, high = 0): void {
    const at = this.#open();
    this.#words[at + 2] = low;
    this.#words[at + 3] = high;
  }
  /** `off` as a safe integer; -1 means "at the file position". */
  fileOffset(value: number): void {
    if (value === -1) this.offset(-1, -1);
    else this.offset(value | 0, Math.floor(value / 0x1_0000_0000));
  }
  /** `addr` as two halves. */
  address(low: number, high: number): void {
    const at = this.#open();
    this.#words[at + 4] = low;
    this.#words[at + 5] = high;
  }
  /** `addr3` as two halves. */
  address3(low: number, high: number): void {
    const at = this.#open();
    this.#words[at + 12] = low;
    this.#words[at + 13] = high;
  }
  /** `len`. */
  length(value: number): void {
    this.#words[this.#open() + 6] = value;
  }
  /** The opcode's own 32 flag bits: `rw_flags`, `msg_flags`, `accept_flags`, `poll32_events`... */
  flags(value: number): void {
    this.#words[this.#open() + 7] = value;
  }
  /** `buf_group` (with {@link bufferSelect}) or `buf_index`. */
  bufferGroup(value: number): void {
    const at = this.#open();
    this.#words[at + 10] = (this.#words[at + 10]! & ~0xffff) | (value & 0xffff);
  }
  /** `buf_index`: a registered buffer of this ring. @throws {TypeError} it is another ring's */
  registeredBuffer(buffer: RegisteredMemory): void {
    if (buffer.ring !== this.#ring && buffer.ring !== null && this.#ring !== null) {
      throw new TypeError(OTHER_RING);
    }
    this.bufferGroup(buffer.index);
  }
  /** Sets IOSQE_BUFFER_SELECT: the kernel picks a buffer of the group. */
  bufferSelect(group: number): void {
    const at = this.#open();
    this.#words[at]! |= BUFFER_SELECT;
    this.bufferGroup(group);
  }
  /** `file_index` / `splice_fd_in` / `addr_len` (word 11). */
  fileIndex(value: number): void {
    this.#words[this.#open() + 11] = value;
  }

  /** Completions with F_MORE open descriptors: the bearer calls {@link OpCode.opened} for each. */
  opensMany(): void {
    this.marks |= MARK_OPENS;
  }

  /** `addr` and `len` from kernel memory, or a part of it. */
  memory(memory: KernelMemory, offset = 0, length = memory.byteLength - offset): void {
    if (offset < 0 || length < 0 || offset + length > memory.byteLength)
      throw new RangeError(RANGE);
    const low = memory.unsafe.addressLow + offset;
    const carry = low > 0xffff_ffff ? 1 : 0;
    this.address(low | 0, (memory.unsafe.addressHigh + carry) | 0);
    this.length(length);
  }
  /** `addr` and `len` from bytes the caller owns; the record keeps them referenced. One native call. */
  callerBytes(bytes: NodeJS.TypedArray): void {
    this.#lookup(bytes, this.#address);
    this.address(this.#address[0]! | 0, this.#address[1]! | 0);
    this.length(byteLengthOf(bytes));
  }
  /** `addr` of caller-owned memory without touching `len` (futex words). One native call. */
  callerAddress(bytes: ArrayBufferView): void {
    this.#lookup(bytes, this.#address);
    this.address(this.#address[0]! | 0, this.#address[1]! | 0);
  }
  /** `off`/`addr2` := address of caller-owned memory. One native call. */
  callerAddress2(bytes: ArrayBufferView): void {
    this.#lookup(bytes, this.#address);
    this.offset(this.#address[0]! | 0, this.#address[1]! | 0);
  }
  /** `addr3` := address of caller-owned memory. One native call. */
  callerAddress3(bytes: ArrayBufferView): void {
    this.#lookup(bytes, this.#address);
    this.address3(this.#address[0]! | 0, this.#address[1]! | 0);
  }
  /** Writes the address of caller-owned memory into `out`, low half first: for structures that carry addresses. */
  lookup(bytes: ArrayBufferView, out: Uint32Array): void {
    this.#open();
    this.#lookup(bytes, out);
  }
  /** `off`/`addr2` := address of byte `offset` of kernel memory. */
  memoryAddress2(memory: KernelMemory, offset: number): void {
    if (offset < 0 || offset > memory.byteLength) throw new RangeError(RANGE);
    const low = memory.unsafe.addressLow + offset;
    const carry = low > 0xffff_ffff ? 1 : 0;
    this.offset(low | 0, (memory.unsafe.addressHigh + carry) | 0);
  }
  /** `addr` := address of byte `offset` of the record. */
  recordAddress(offset: number): void {
    this.address(this.record.addressLow(offset) | 0, this.record.addressHigh(offset) | 0);
  }
  /** `off`/`addr2` := address of byte `offset` of the record. */
  recordAddress2(offset: number): void {
    this.offset(this.record.addressLow(offset) | 0, this.record.addressHigh(offset) | 0);
  }
  /** `addr3` := address of byte `offset` of the record. */
  recordAddress3(offset: number): void {
    this.address3(this.record.addressLow(offset) | 0, this.record.addressHigh(offset) | 0);
  }

  #open(): number {
    if (this.#at < 0) throw new Error(SEALED);
    return this.#at;
  }
}

const SEALED = 'Cannot write an SQE outside of prepare(): the entry already belongs to the kernel';
const OTHER_RING =
  'Cannot submit to this ring as the registered buffer is in the table of another: clone it';
const RANGE = 'Cannot submit bytes outside of the memory range';
