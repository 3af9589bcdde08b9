import { byteLengthOf, type KernelMemory, type RegisteredMemory } from '@ringbearer/io-uring-owner';
import { integerArgument, show, TRANSFER_BYTES_MAX } from './argument.js';
import { RECORD_BYTES } from './record-memory.js';
import { demandInside } from './registered-range.js';
import type { Sqe } from './sqe.js';
import type { TransferBytes } from './transfer-source.js';

/** A part of kernel memory. */
export interface MemoryPart {
  /** Where the bytes are. */
  readonly memory: KernelMemory;
  /** First byte of `memory` to use. Default 0. */
  readonly offset?: number;
  /** Bytes to use. Default: all from `offset`. */
  readonly length?: number;
}

/** What a scattered read or receive fills, one after the other: kernel memory, or parts of it. */
export type ScatterPart = KernelMemory | MemoryPart;

/** What a gathered write or send takes, one after the other: also arrays of the caller's, who leaves them alone. */
export type GatherPart = TransferBytes | MemoryPart;

/** Parts one operation may have: UIO_MAXIOV of the kernel. */
export const VECTOR_PARTS_MAX = 1024;

/** `sizeof(struct iovec)`. */
const IOVEC_BYTES = 16;

interface Part {
  /** Where the bytes are. */
  readonly memory: KernelMemory | null;
  readonly bytes: Uint8Array | null;
  readonly offset: number;
  readonly length: number;
}

/**
 * An array of `struct iovec`, and who owns the memory it names meanwhile. Up to 16 entries are in the operation's record;
 * a longer array, which the kernel only reads, is in bytes that live as long as the operation.
 */
export class Vector {
  #parts: readonly Part[] = [];
  #memories: readonly KernelMemory[] = [];
  #length = 0;
  #within: RegisteredMemory | null = null;
  /** Four words an entry; little-endian, as every machine io_uring runs on with Node.js is. */
  #outside: Uint32Array | null = null;
  readonly #address = new Uint32Array(2);

  /**
   * Chooses the parts. `kernelOnly`: the kernel will write to them, so arrays of the caller's are refused.
   * @param within the registered buffer that all of them must be in
   */
  set(
    action: string,
    name: string,
    parts: readonly GatherPart[],
    kernelOnly: boolean,
    within: RegisteredMemory | null = null,
  ): void {
    if (!Array.isArray(parts)) {
      throw new TypeError(
        `Cannot ${action} as ${name} must be an array: current value is ${show(parts)}`,
      );
    }
    const count = integerArgument(action, `${name}.length`, parts.length, 1, VECTOR_PARTS_MAX);
    const checked: Part[] = [];
    const memories: KernelMemory[] = [];
    let length = 0;
    // Not with map(): that of a subclass may answer what was never checked.
    for (let i = 0; i < count; i++) {
      const part = partArgument(action, name, i, parts[i]!, kernelOnly);
      checked.push(part);
      length += part.length;
      // Several parts may be of one memory: it has one owner, who is asked once. They follow each other mostly.
      const { memory } = part;
      if (memory !== null && memory !== memories[memories.length - 1]) memories.push(memory);
    }
    integerArgument(action, `the length of ${name}`, length, 0, TRANSFER_BYTES_MAX);
    if (within !== null) {
      checked.forEach(({ memory, offset, length: bytes }, i) => {
        const part = `${name}[${i}]`;
        // io_vec_fill_bvec of io_uring/rsrc.c answers EFAULT to an empty part.
        integerArgument(action, `${part}.length`, bytes, 1);
        demandInside(action, part, within, memory!, offset, bytes);
      });
    }
    this.#within = within;
    this.#parts = checked;
    this.#length = length;
    this.#memories = memories.length > 1 ? [...new Set(memories)] : memories;
  }

  /** Entries of the array. */
  get count(): number {
    return this.#parts.length;
  }
  /** Bytes of all parts. */
  get length(): number {
    return this.#length;
  }

  acquire(): void {
    this.assertAttached();
    this.#within?.begin();
    let lent = 0;
    try {
      for (const memory of this.#memories) {
        memory.owner.lend();
        lent += 1;
      }
    } catch (error) {
      while (lent > 0) this.#memories[--lent]!.owner.withdraw();
      this.#within?.end();
      throw error;
    }
  }
  release(): void {
    for (const memory of this.#memories) memory.owner.giveBack();
    this.#within?.end();
  }
  rollback(): void {
    for (const memory of this.#memories) memory.owner.withdraw();
    this.#within?.end();
  }

  /** Writes `addr` and `len`: readv, writev and their kin. And `buf_index`. */
  prepare(sqe: Sqe): void {
    if (this.#within !== null) sqe.registeredBuffer(this.#within);
    if (this.#write(sqe, 0)) sqe.recordAddress(0);
    else sqe.callerAddress(this.#outside!);
    sqe.length(this.#parts.length);
  }

  /** Writes the array from byte `at` of the record on, or outside, and its address at byte `pointerAt` of the record. */
  writeInto(sqe: Sqe, at: number, pointerAt: number): void {
    const { record } = sqe;
    if (this.#within !== null) sqe.registeredBuffer(this.#within);
    if (this.#write(sqe, at)) {
      record.setUint64(pointerAt, record.addressLow(at), record.addressHigh(at));
    } else {
      sqe.lookup(this.#outside!, this.#address);
      record.setUint64(pointerAt, this.#address[0]!, this.#address[1]!);
    }
  }

  /** @throws {TypeError} a part of the caller's was transferred, or its buffer shrank */
  assertAttached(): void {
    for (const { bytes, length } of this.#parts) {
      if (bytes !== null && byteLengthOf(bytes) !== length) throw new TypeError(DETACHED);
    }
  }

  /** @returns whether the array is in the record */
  #write(sqe: Sqe, at: number): boolean {
    const count = this.#parts.length;
    const inside = at + count * IOVEC_BYTES <= RECORD_BYTES;
    if (!inside && (this.#outside?.byteLength ?? 0) < count * IOVEC_BYTES) {
      this.#outside = new Uint32Array(count * (IOVEC_BYTES / 4));
    }
    for (let i = 0; i < count; i++) {
      const part = this.#parts[i]!;
      this.#locate(sqe, part);
      const low = this.#address[0]!;
      const high = this.#address[1]!;
      const entry = i * IOVEC_BYTES;
      if (inside) {
        sqe.record.setUint64(at + entry, low, high);
        sqe.record.setUint64(at + entry + 8, part.length, 0);
      } else {
        const words = this.#outside!;
        const word = entry / 4;
        words[word] = low;
        words[word + 1] = high;
        words[word + 2] = part.length;
        words[word + 3] = 0;
      }
    }
    return inside;
  }

  #locate(sqe: Sqe, { memory, bytes, offset }: Part): void {
    if (memory === null) {
      sqe.lookup(bytes!, this.#address);
      return;
    }
    const { addressLow, addressHigh } = memory.unsafe;
    const low = addressLow + offset;
    this.#address[0] = low;
    this.#address[1] = low > 0xffff_ffff ? addressHigh + 1 : addressHigh;
  }
}

const DETACHED =
  'Cannot vouch for the bytes sent as a buffer was transferred or resized: keep it until the final completion';

/** Names are put together for errors only: this is on the way of every send. */
function partArgument(
  action: string,
  name: string,
  index: number,
  part: GatherPart,
  kernelOnly: boolean,
): Part {
  if (part instanceof Uint8Array && !kernelOnly) {
    return { memory: null, bytes: part, offset: 0, length: byteLengthOf(part) };
  }
  if (isMemory(part)) return { memory: part, bytes: null, offset: 0, length: part.byteLength };
  const memory = (part as MemoryPart | null)?.memory;
  if (!isMemory(memory)) {
    const kinds = kernelOnly ? 'kernel memory' : 'a Uint8Array or kernel memory';
    throw new TypeError(
      `Cannot ${action} as ${name}[${index}] must be ${kinds}: current value is ${show(part)}`,
    );
  }
  const { offset = 0, length } = part as MemoryPart;
  if (!within(offset, memory.byteLength)) {
    integerArgument(action, `${name}[${index}].offset`, offset, 0, memory.byteLength);
  }
  const room = memory.byteLength - offset;
  const used = length ?? room;
  if (!within(used, room)) integerArgument(action, `${name}[${index}].length`, used, 0, room);
  return { memory, bytes: null, offset, length: used };
}

function within(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= max;
}

function isMemory(value: unknown): value is KernelMemory {
  return typeof value === 'object' && value !== null && 'owner' in value && 'unsafe' in value;
}
