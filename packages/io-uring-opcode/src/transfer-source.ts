import { byteLengthOf, type KernelMemory, type RegisteredMemory } from '@ringbearer/io-uring-owner';
import { integerArgument, show, TRANSFER_BYTES_MAX } from './argument.js';
import { demandInside } from './registered-range.js';
import type { Sqe } from './sqe.js';

/** Bytes the kernel may read: its own memory, or the caller's. */
export type TransferBytes = KernelMemory | Uint8Array;

/**
 * What a sending or writing operation hands to the kernel, and who owns it meanwhile. Kernel memory is fenced by its
 * owner. A caller's array is kept referenced, so that it is not collected, but cannot be fenced: its holder must neither
 * write to it nor transfer it before the final completion. The first is a data race of his own, the second is noticed.
 */
export class TransferSource {
  readonly #within: RegisteredMemory | null;
  #memory: KernelMemory | null = null;
  #bytes: Uint8Array | null = null;
  #offset = 0;
  #length = 0;

  /** @param within the registered buffer that the bytes must be in */
  constructor(within: RegisteredMemory | null = null) {
    this.#within = within;
  }

  /** Chooses `length` bytes from `offset`. Allocates nothing where the whole of `data` or kernel memory is meant. */
  set(action: string, data: TransferBytes, offset = 0, bytes?: number): void {
    if (typeof data !== 'object' || data === null || typeof data.byteLength !== 'number') {
      throw new TypeError(
        `Cannot ${action} as data must be a Uint8Array or kernel memory: current value is ${show(data)}`,
      );
    }
    const byteLength = data instanceof Uint8Array ? byteLengthOf(data) : data.byteLength;
    integerArgument(action, 'offset', offset, 0, byteLength);
    const lengthMax = Math.min(byteLength - offset, TRANSFER_BYTES_MAX);
    const length = integerArgument(action, 'length', bytes ?? byteLength - offset, 0, lengthMax);
    if (data instanceof Uint8Array) {
      if (this.#within !== null) throw new TypeError(NOT_REGISTERED);
      const whole = offset === 0 && length === byteLength;
      this.#bytes = whole ? data : data.subarray(offset, offset + length);
      this.#memory = null;
      this.#offset = 0;
    } else if ('owner' in data && 'unsafe' in data) {
      if (this.#within !== null) demandInside(action, 'data', this.#within, data, offset, length);
      this.#memory = data;
      this.#bytes = null;
      this.#offset = offset;
    } else {
      throw new TypeError(
        `Cannot ${action} as data must be a Uint8Array or kernel memory: current value is ${show(data)}`,
      );
    }
    this.#length = length;
  }

  /** Bytes to transfer. */
  get length(): number {
    return this.#length;
  }

  acquire(): void {
    if (this.#memory === null) this.assertAttached();
    else if (this.#within === null) this.#memory.owner.lend();
    else this.#acquireWithin(this.#memory, this.#within);
  }
  release(): void {
    if (this.#memory === null) return;
    this.#memory.owner.giveBack();
    this.#within?.end();
  }
  rollback(): void {
    if (this.#memory === null) return;
    this.#memory.owner.withdraw();
    this.#within?.end();
  }

  /** Writes `addr` and `len`, and `buf_index` of a registered buffer. */
  prepare(sqe: Sqe): void {
    if (this.#within !== null) sqe.registeredBuffer(this.#within);
    if (this.#memory !== null) sqe.memory(this.#memory, this.#offset, this.#length);
    else sqe.callerBytes(this.#bytes!);
  }

  /** Writes `addr2` and `len`. */
  prepare2(sqe: Sqe): void {
    if (this.#memory !== null) sqe.memoryAddress2(this.#memory, this.#offset);
    else sqe.callerAddress2(this.#bytes!);
    sqe.length(this.#length);
  }

  #acquireWithin(memory: KernelMemory, within: RegisteredMemory): void {
    within.begin();
    try {
      memory.owner.lend();
    } catch (error) {
      within.end();
      throw error;
    }
  }

  /** @throws {TypeError} the caller's bytes were transferred, or their buffer shrank */
  assertAttached(): void {
    if (this.#bytes !== null && byteLengthOf(this.#bytes) !== this.#length) {
      throw new TypeError(DETACHED);
    }
  }
}

const NOT_REGISTERED = 'Cannot send as data must be kernel memory: a registered buffer was named';
const DETACHED =
  'Cannot vouch for the bytes sent as their buffer was transferred or resized: keep it until the final completion';
