import type { KernelMemory } from '@ringbearer/io-uring-owner';
import { integerArgument, show, TRANSFER_BYTES_MAX, UINT16_MAX } from './argument.js';
import type { Cqe } from './cqe.js';
import type { Sqe } from './sqe.js';

/** What one completion of a receiving or reading operation brought. */
export interface Received {
  /** Bytes there are. 0 at the end of the stream. */
  readonly length: number;
  /** The provided buffer they are in, or -1: the operation's own memory, or no bytes at all. */
  readonly bufferId: number;
  /** Where in that buffer they start: not 0 in incremental rings only. */
  readonly bufferOffset: number;
  /** More bytes waited in the socket when these were taken. */
  readonly socketNonEmpty: boolean;
}

/** Into memory of the operation's own. */
export interface IntoMemory {
  /** Where the bytes go. A caller's Uint8Array is refused: it could be transferred while the kernel writes. */
  readonly memory: KernelMemory;
  /** First byte of `memory` to use. Default 0. */
  readonly offset?: number;
  /** Bytes to use at most. Default: all from `offset`. */
  readonly length?: number;
  /** Not in this form. */
  readonly group?: never;
}

/** Into a buffer the kernel picks from a group. */
export interface IntoGroup {
  /** Buffer group, 0 to 65535, filled by a buffer ring or ProvideBuffers. */
  readonly group: number;
  /** Bytes to use at most of a buffer. Default 0: all of it. */
  readonly length?: number;
  /** Not in this form. */
  readonly memory?: never;
  /** Not in this form. */
  readonly offset?: never;
}

/** Where the kernel writes what it receives or reads, and who owns that meanwhile. */
export class ReceiveTarget {
  #memory: KernelMemory | null = null;
  #group = -1;
  #offset = 0;
  #length = 0;

  /** Chooses the target. Allocates nothing. */
  set(action: string, into: IntoMemory | IntoGroup): void {
    if (into.group !== undefined) {
      this.setGroup(action, into.group, into.length);
    } else {
      this.setMemory(action, into.memory, into.offset, into.length);
    }
  }

  setMemory(
    action: string,
    memory: KernelMemory,
    offset = 0,
    length = memory?.byteLength - offset,
  ): void {
    if (typeof memory !== 'object' || memory === null || !('owner' in memory)) {
      throw new TypeError(
        `Cannot ${action} as memory must be kernel memory: current value is ${show(memory)}`,
      );
    }
    integerArgument(action, 'offset', offset, 0, memory.byteLength);
    const lengthMax = Math.min(memory.byteLength - offset, TRANSFER_BYTES_MAX);
    this.#length = integerArgument(action, 'length', length, 1, lengthMax);
    this.#memory = memory;
    this.#offset = offset;
    this.#group = -1;
  }

  setGroup(action: string, group: number, length = 0): void {
    this.#group = integerArgument(action, 'group', group, 0, UINT16_MAX);
    this.#length = integerArgument(action, 'length', length, 0, TRANSFER_BYTES_MAX);
    this.#memory = null;
  }

  /** Bytes to take at most; 0 for all of a group's buffer. */
  get length(): number {
    return this.#length;
  }

  /** Fewer bytes than the buffer of a group has were asked for. */
  get partly(): boolean {
    return this.#group >= 0 && this.#length > 0;
  }

  /** Group the kernel picks from, or -1. */
  get group(): number {
    return this.#group;
  }

  acquire(): void {
    if (this.#memory !== null) this.#memory.owner.lend();
  }
  release(): void {
    if (this.#memory !== null) this.#memory.owner.giveBack();
  }
  rollback(): void {
    if (this.#memory !== null) this.#memory.owner.withdraw();
  }

  /** Writes `addr` and `len`, or the group with IOSQE_BUFFER_SELECT. */
  prepare(sqe: Sqe): void {
    if (this.#memory !== null) {
      sqe.memory(this.#memory, this.#offset, this.#length);
    } else {
      sqe.bufferSelect(this.#group);
      sqe.length(this.#length);
    }
  }

  /** Writes `addr2` and `len`. Memory of its own only. */
  prepare2(sqe: Sqe): void {
    sqe.memoryAddress2(this.#memory!, this.#offset);
    sqe.length(this.#length);
  }
}

/** Decodes a completion whose `res` is a length. */
export function received(cqe: Cqe): Received {
  return {
    length: cqe.res,
    bufferId: cqe.hasBuffer ? cqe.bufferId : -1,
    bufferOffset: cqe.hasBuffer ? cqe.bufferOffset : 0,
    socketNonEmpty: cqe.socketNonEmpty,
  };
}
