import type { Descriptor } from '@ringbearer/io-uring-fd';
import type { KernelMemory } from '@ringbearer/io-uring-owner';
import { OpNumber } from '../../abi.generated.js';
import { descriptorArgument, integerArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import {
  type IntoGroup,
  type IntoMemory,
  type Received,
  ReceiveTarget,
  received,
} from '../../receive-target.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link Read}: a descriptor, and either memory of its own or a buffer group. */
export type ReadOptions = (IntoMemory | IntoGroup) & {
  /** What to read, regular or direct. */
  readonly descriptor: Descriptor;
  /** First byte of the file to read. Default -1: at the file's own position, which moves on; needed for pipes. */
  readonly position?: number;
};

/**
 * Reads bytes into kernel memory or a buffer of a group.
 *
 * Memory passes to the kernel when the operation is submitted and comes back with the completion: call `owner.reuse()`
 * on it once the bytes are read.
 *
 * Result: {@link Received}; `length` 0 is the end of the file, and fewer bytes than asked for are ordinary.
 * Kernel 5.6, buffer groups 5.7. read(2), pread(2), io_uring_prep_read(3).
 *
 * @throws {TypeError} `descriptor` is none, `memory` no kernel memory
 * @throws {RangeError} a range outside of the memory or empty, a `position` below -1
 *
 * @example
 * ```ts
 * import { openSync } from 'node:fs';
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { RawFd } from '@ringbearer/io-uring-fd';
 * import { Close, Read } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const memory = bearer.allocate(4096);
 * const descriptor = new RawFd(openSync('/proc/version', 'r'));
 * const { length } = await bearer.submit(new Read({ descriptor, memory, position: 0 }));
 * console.log(memory.toString().slice(0, Math.min(length, 5))); // Linux
 * memory.release();
 * await bearer.submit(new Close({ descriptor }));
 * await bearer.close();
 * ```
 */
export class Read extends OpCode<Received> {
  override readonly code = OpNumber.READ;
  override readonly name = 'READ';
  override readonly since: string;
  readonly #descriptor: Descriptor;
  readonly #target = new ReceiveTarget();
  #position: number;

  constructor(options: ReadOptions) {
    super();
    const { descriptor, position = -1 } = options;
    this.#descriptor = descriptorArgument('read', 'descriptor', descriptor);
    this.#position = integerArgument('read', 'position', position, -1);
    this.#target.set('read', options);
    this.since = options.group === undefined ? '5.6' : '5.7';
  }

  /** First byte of the file that the next submission reads. */
  get position(): number {
    return this.#position;
  }
  set position(value: number) {
    this.assertIdle();
    this.#position = integerArgument('read', 'position', value, -1);
  }

  /** Chooses other memory, or another part of it, for the next submission. */
  set(memory: KernelMemory, offset?: number, length?: number): this {
    this.assertIdle();
    this.#target.setMemory('read', memory, offset, length);
    return this;
  }

  override get wholeBuffers(): boolean {
    return this.#target.partly;
  }
  override get bufferGroup(): number {
    return this.#target.group;
  }

  override acquire(): void {
    this.#target.acquire();
  }
  override release(): void {
    this.#target.release();
  }
  override rollback(): void {
    this.#target.rollback();
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#descriptor);
    this.#target.prepare(sqe);
    sqe.fileOffset(this.#position);
  }

  override complete(cqe: Cqe): Received {
    this.result(cqe);
    return received(cqe);
  }
}
