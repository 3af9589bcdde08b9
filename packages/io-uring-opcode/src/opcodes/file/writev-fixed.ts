import type { Descriptor } from '@ringbearer/io-uring-fd';
import type { RegisteredMemory } from '@ringbearer/io-uring-owner';
import { OpNumber } from '../../abi.generated.js';
import { registeredArgument } from '../../registered-range.js';
import type { ScatterPart } from '../../vector.js';
import { type VectorDirection, VectorTransfer } from './vector-transfer.js';

const DIRECTION: VectorDirection = { action: 'write', parts: 'data', kernelOnly: true };

/** Settings of a {@link WritevFixed}. */
export interface WritevFixedOptions {
  /** What to write to, regular or direct. */
  readonly descriptor: Descriptor;
  /** What to write, one part after the other: 1 to 1024 of kernel memory. */
  readonly data: readonly ScatterPart[];
  /** The registered buffer that all parts are in: `bearer.buffers.fixed.add(...)`. */
  readonly buffer: RegisteredMemory;
  /** Where in the file. Default -1: at the file's own position, which moves on; needed for pipes. */
  readonly position?: number;
}

/**
 * Writes several parts of one registered buffer, whose pages the kernel need not look up.
 *
 * Result: bytes written, which may be fewer than asked for. Kernel 6.15. pwritev(2), io_uring_prep_writev_fixed(3), io_uring_register_buffers(3).
 *
 * @throws {TypeError} `descriptor` or `buffer` is none, a part is no kernel memory
 * @throws {RangeError} no parts or more than 1024, a part that is empty, outside of its memory or of the registered buffer, a
 * `position` below -1
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { RawFd } from '@ringbearer/io-uring-fd';
 * import { WritevFixed } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const pool = bearer.buffers.pool({ count: 2, bufferBytes: 6 });
 * const buffer = bearer.buffers.fixed.add(pool);
 * const data = ['hello ', 'ring!\n'].map((text) => {
 *   const lease = pool.take();
 *   lease.fill(new TextEncoder().encode(text));
 *   return lease;
 * });
 * await bearer.submit(new WritevFixed({ descriptor: new RawFd(1), buffer, data }));
 * await bearer.close();
 * ```
 */
export class WritevFixed extends VectorTransfer<ScatterPart> {
  override readonly code = OpNumber.WRITEV_FIXED;
  override readonly name = 'WRITEV_FIXED';
  override readonly since = '6.15';

  constructor(options: WritevFixedOptions) {
    const { descriptor, data, position, buffer } = options;
    super(DIRECTION, descriptor, data, position, registeredArgument(DIRECTION.action, buffer));
  }
}
