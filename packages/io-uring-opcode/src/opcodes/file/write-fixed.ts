import { OpNumber } from '../../abi.generated.js';
import { FixedTransfer, type FixedTransferOptions } from './fixed-transfer.js';

/** Settings of a {@link WriteFixed}. */
export interface WriteFixedOptions extends FixedTransferOptions {}

/**
 * Writes from a registered buffer, whose pages the kernel need not look up: worth it for many transfers with O_DIRECT.
 *
 * Result: bytes written, which may be fewer than asked for. Kernel 5.1. pwrite(2), io_uring_prep_write_fixed(3),
 * io_uring_register_buffers(3).
 *
 * @throws {TypeError} `descriptor` or `buffer` is none, `memory` no kernel memory, or left out where the buffer is of many
 * @throws {RangeError} a range that is empty, outside of the memory or of the registered buffer, a `position` below -1
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { RawFd } from '@ringbearer/io-uring-fd';
 * import { WriteFixed } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const lease = bearer.allocate(4096);
 * const buffer = bearer.buffers.fixed.add(lease);
 * lease.fill(new TextEncoder().encode('hello from the ring\n'));
 * await bearer.submit(new WriteFixed({ descriptor: new RawFd(1), buffer, length: 20 }));
 * await bearer.close();
 * ```
 */
export class WriteFixed extends FixedTransfer {
  override readonly code = OpNumber.WRITE_FIXED;
  override readonly name = 'WRITE_FIXED';
  override readonly since = '5.1';

  constructor(options: WriteFixedOptions) {
    super('write', options);
  }
}
