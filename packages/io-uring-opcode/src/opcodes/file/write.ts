import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber } from '../../abi.generated.js';
import { descriptorArgument, integerArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';
import { type TransferBytes, TransferSource } from '../../transfer-source.js';

/** Settings of a {@link Write}. */
export interface WriteOptions {
  /** What to write to, regular or direct. */
  readonly descriptor: Descriptor;
  /** What to write: kernel memory, or an array of the caller's that he leaves alone until the completion. */
  readonly data: TransferBytes;
  /** First byte of `data` to write. Default 0. */
  readonly offset?: number;
  /** Bytes to write. Default: all from `offset`. */
  readonly length?: number;
  /** Where in the file. Default -1: at the file's own position, which moves on; needed for pipes. */
  readonly position?: number;
}

/**
 * Writes bytes.
 *
 * Result: bytes written, which may be fewer than asked for. A pipe without readers is EPIPE; the signal that write(2)
 * sends with it is one Node.js ignores. Kernel 5.6. write(2), pwrite(2), io_uring_prep_write(3).
 *
 * @throws {TypeError} `descriptor` is none, `data` neither kernel memory nor a Uint8Array
 * @throws {RangeError} a range outside of the data, a `position` below -1
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { RawFd } from '@ringbearer/io-uring-fd';
 * import { Write } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const data = new TextEncoder().encode('hello from the ring\n');
 * await bearer.submit(new Write({ descriptor: new RawFd(1), data }));
 * await bearer.close();
 * ```
 */
export class Write extends OpCode<number> {
  override readonly code = OpNumber.WRITE;
  override readonly name = 'WRITE';
  override readonly since = '5.6';
  readonly #descriptor: Descriptor;
  readonly #source = new TransferSource();
  #position: number;

  constructor(options: WriteOptions) {
    super();
    const { descriptor, data, offset, length, position = -1 } = options;
    this.#descriptor = descriptorArgument('write', 'descriptor', descriptor);
    this.#source.set('write', data, offset, length);
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
  set(data: TransferBytes, offset?: number, length?: number): this {
    this.assertIdle();
    this.#source.set('write', data, offset, length);
    return this;
  }

  override acquire(): void {
    this.#source.acquire();
  }
  override release(): void {
    this.#source.release();
  }
  override rollback(): void {
    this.#source.rollback();
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#descriptor);
    this.#source.prepare(sqe);
    sqe.fileOffset(this.#position);
  }

  override complete(cqe: Cqe): number {
    this.#source.assertAttached();
    return this.result(cqe);
  }
}
