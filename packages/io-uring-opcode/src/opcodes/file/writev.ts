import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber } from '../../abi.generated.js';
import type { GatherPart } from '../../vector.js';
import { type VectorDirection, VectorTransfer } from './vector-transfer.js';

const DIRECTION: VectorDirection = { action: 'write', parts: 'data', kernelOnly: false };

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
export class Writev extends VectorTransfer<GatherPart> {
  override readonly code = OpNumber.WRITEV;
  override readonly name = 'WRITEV';
  override readonly since = '5.1';

  constructor(options: WritevOptions) {
    super(DIRECTION, options.descriptor, options.data, options.position);
  }
}
