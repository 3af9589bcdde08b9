import type { KernelMemory, RegisteredMemory } from '@ringbearer/io-uring-owner';
import { integerArgument, show, TRANSFER_BYTES_MAX } from './argument.js';
import type { Sqe } from './sqe.js';

/** A part of a registered buffer. */
export interface InRegistered {
  /** The registered buffer: `bearer.buffers.fixed.add(...)`. Its pages need not be looked up. */
  readonly buffer: RegisteredMemory;
  /** Kernel memory inside of it, such as a lease of the pool that was registered. Default: all that was registered, if it was one lease. */
  readonly memory?: KernelMemory;
  /** First byte of `memory` to use. Default 0. */
  readonly offset?: number;
  /** Bytes to use at most. Default: all from `offset`. */
  readonly length?: number;
}

/** A part of a registered buffer, and who owns it meanwhile. */
export class RegisteredRange {
  #buffer!: RegisteredMemory;
  #memory!: KernelMemory;
  #offset = 0;
  #length = 0;

  /** Chooses the range. Allocates nothing. */
  set(
    action: string,
    buffer: RegisteredMemory,
    memory?: KernelMemory,
    offset = 0,
    length?: number,
  ): void {
    registeredArgument(action, buffer);
    const part = memory ?? buffer.whole;
    if (typeof part !== 'object' || part === null || !('owner' in part)) {
      throw new TypeError(
        `Cannot ${action} as memory must be kernel memory in the registered buffer: current value is ${show(memory)}`,
      );
    }
    integerArgument(action, 'offset', offset, 0, part.byteLength);
    const room = part.byteLength - offset;
    const bytes = length ?? room;
    integerArgument(action, 'length', bytes, 1, Math.min(room, TRANSFER_BYTES_MAX));
    demandInside(action, 'memory', buffer, part, offset, bytes);
    this.#buffer = buffer;
    this.#memory = part;
    this.#offset = offset;
    this.#length = bytes;
  }

  acquire(): void {
    this.#buffer.begin();
    try {
      this.#memory.owner.lend();
    } catch (error) {
      this.#buffer.end();
      throw error;
    }
  }
  release(): void {
    this.#memory.owner.giveBack();
    this.#buffer.end();
  }
  rollback(): void {
    this.#memory.owner.withdraw();
    this.#buffer.end();
  }

  /** Writes `addr`, `len` and `buf_index`. */
  prepare(sqe: Sqe): void {
    sqe.memory(this.#memory, this.#offset, this.#length);
    sqe.registeredBuffer(this.#buffer);
  }
}

/** `buffer` when it is a registered buffer. */
export function registeredArgument(action: string, buffer: unknown): RegisteredMemory {
  if (typeof buffer === 'object' && buffer !== null && 'contains' in buffer && 'index' in buffer) {
    return buffer as RegisteredMemory;
  }
  throw new TypeError(
    `Cannot ${action} as buffer must be a registered buffer: current value is ${show(buffer)}`,
  );
}

/** @throws {RangeError} bytes of `memory` are not in the registered buffer */
export function demandInside(
  action: string,
  name: string,
  buffer: RegisteredMemory,
  memory: KernelMemory,
  offset: number,
  length: number,
): void {
  if (buffer.contains(memory, offset, length)) return;
  throw new RangeError(
    `Cannot ${action} as ${name} must be inside of the registered buffer: register it, or the pool it is of`,
  );
}
