import { OpNumber } from '../../abi.generated.js';
import { FixedTransfer, type FixedTransferOptions } from './fixed-transfer.js';

/** Settings of a {@link ReadFixed}. */
export interface ReadFixedOptions extends FixedTransferOptions {}

/**
 * Reads into a registered buffer, whose pages the kernel need not look up: worth it for many transfers with O_DIRECT.
 *
 * Result: bytes read; 0 is the end of the file. Kernel 5.1. pread(2), io_uring_prep_read_fixed(3), io_uring_register_buffers(3).
 *
 * @throws {TypeError} `descriptor` or `buffer` is none, `memory` no kernel memory, or left out where the buffer is of many
 * @throws {RangeError} a range that is empty, outside of the memory or of the registered buffer, a `position` below -1
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Close, OpenAt, ReadFixed } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const pool = bearer.buffers.pool({ count: 4, bufferBytes: 4096 });
 * const buffer = bearer.buffers.fixed.add(pool); // all four, in one slot
 * const memory = pool.take();
 * const descriptor = await bearer.submit(new OpenAt({ path: '/proc/version' }));
 * await bearer.submit(new ReadFixed({ descriptor, buffer, memory, length: 13 }));
 * console.log(memory.toString('latin1', 0, 13)); // Linux version
 * await bearer.submit(new Close({ descriptor }));
 * await bearer.close();
 * ```
 */
export class ReadFixed extends FixedTransfer {
  override readonly code = OpNumber.READ_FIXED;
  override readonly name = 'READ_FIXED';
  override readonly since = '5.1';

  constructor(options: ReadFixedOptions) {
    super('read', options);
  }
}
