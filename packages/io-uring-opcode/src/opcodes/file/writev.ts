import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber } from '../../abi.generated.js';
import { descriptorArgument, integerArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';
import { type GatherPart, Vector } from '../../vector.js';

/** Settings of a {@link Writev}. */
export interface WritevOptions {
  /** What to write to, regular or direct. */
  readonly descriptor: Descriptor;
  /** What to write, one part after the other: 1 to 1024. Arrays of the caller's are left alone until the completion. */
  readonly data: readonly GatherPart[];
  /** Where in the file. Default -1: at the file's own position, which moves on; needed for pipes. */
  readonly position?: number;
}

/**
 * Writes several pieces as if they were one.
 *
 * Result: bytes written, which may be fewer than asked for. Kernel 5.1. writev(2), pwritev(2), io_uring_prep_writev(3).
 *
 * @throws {TypeError} `descriptor` is none, a part neither kernel memory nor a Uint8Array
 * @throws {RangeError} no parts or more than 1024, a part outside of its memory, a `position` below -1
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { RawFd } from '@ringbearer/io-uring-fd';
 * import { Writev } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const data = ['hello ', 'from ', 'the ring\n'].map((text) => new TextEncoder().encode(text));
 * await bearer.submit(new Writev({ descriptor: new RawFd(1), data }));
 * await bearer.close();
 * ```
 */
export class Writev extends OpCode<number> {
  override readonly code = OpNumber.WRITEV;
  override readonly name = 'WRITEV';
  override readonly since = '5.1';
  readonly #descriptor: Descriptor;
  readonly #vector = new Vector();
  #position: number;

  constructor(options: WritevOptions) {
    super();
    const { descriptor, data, position = -1 } = options;
    this.#descriptor = descriptorArgument('write', 'descriptor', descriptor);
    this.#vector.set('write', 'data', data, false);
    this.#position = integerArgument('write', 'position', position, -1);
  }

  /** Where in the file the next submission writes. */
  get position(): number {
    return this.#position;
  }
  set position(value: number) {
    this.assertIdle();
    this.#position = integerArgument('write', 'position', value, -1);
  }

  /** Chooses other bytes for the next submission. */
  set(data: readonly GatherPart[]): this {
    this.assertIdle();
    this.#vector.set('write', 'data', data, false);
    return this;
  }

  override acquire(): void {
    this.#vector.acquire();
  }
  override release(): void {
    this.#vector.release();
  }
  override rollback(): void {
    this.#vector.rollback();
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#descriptor);
    this.#vector.prepare(sqe);
    sqe.fileOffset(this.#position);
  }

  override complete(cqe: Cqe): number {
    this.#vector.assertAttached();
    return this.result(cqe);
  }
}
