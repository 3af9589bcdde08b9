import type { Descriptor } from '@ringbearer/io-uring-fd';
import type { KernelMemory } from '@ringbearer/io-uring-owner';
import { descriptorArgument, integerArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { type InRegistered, RegisteredRange } from '../../registered-range.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link FixedTransfer}. */
export interface FixedTransferOptions extends InRegistered {
  /** What to read or to write to, regular or direct. */
  readonly descriptor: Descriptor;
  /** First byte of the file. Default -1: at the file's own position, which moves on; needed for pipes. */
  readonly position?: number;
}

/** A transfer between a file and a part of a registered buffer. */
export abstract class FixedTransfer extends OpCode<number> {
  readonly #action: 'read' | 'write';
  readonly #descriptor: Descriptor;
  readonly #range = new RegisteredRange();
  #buffer: InRegistered['buffer'];
  #position: number;

  constructor(action: 'read' | 'write', options: FixedTransferOptions) {
    super();
    const { descriptor, buffer, memory, offset, length, position = -1 } = options;
    this.#action = action;
    this.#descriptor = descriptorArgument(action, 'descriptor', descriptor);
    this.#range.set(action, buffer, memory, offset, length);
    this.#buffer = buffer;
    this.#position = integerArgument(action, 'position', position, -1);
  }

  /** First byte of the file that the next submission reads or writes. */
  get position(): number {
    return this.#position;
  }
  set position(value: number) {
    this.assertIdle();
    this.#position = integerArgument(this.#action, 'position', value, -1);
  }

  /** Chooses other memory of the same registered buffer for the next submission. */
  set(memory: KernelMemory, offset?: number, length?: number): this {
    this.assertIdle();
    this.#range.set(this.#action, this.#buffer, memory, offset, length);
    return this;
  }

  /** Chooses another registered buffer, and all or a part of it, for the next submission. */
  setBuffer({ buffer, memory, offset, length }: InRegistered): this {
    this.assertIdle();
    this.#range.set(this.#action, buffer, memory, offset, length);
    this.#buffer = buffer;
    return this;
  }

  override acquire(): void {
    this.#range.acquire();
  }
  override release(): void {
    this.#range.release();
  }
  override rollback(): void {
    this.#range.rollback();
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#descriptor);
    this.#range.prepare(sqe);
    sqe.fileOffset(this.#position);
  }

  override complete(cqe: Cqe): number {
    return this.result(cqe);
  }
}
