import type { Descriptor } from '@ringbearer/io-uring-fd';
import type { RegisteredMemory } from '@ringbearer/io-uring-owner';
import { OpNumber } from '../../abi.generated.js';
import { registeredArgument } from '../../registered-range.js';
import type { ScatterPart } from '../../vector.js';
import { type VectorDirection, VectorTransfer } from './vector-transfer.js';

const DIRECTION: VectorDirection = { action: 'read', parts: 'memory', kernelOnly: true };

/** Settings of a {@link ReadvFixed}. */
export interface ReadvFixedOptions {
  /** What to read, regular or direct. */
  readonly descriptor: Descriptor;
  /** Where the bytes go, one part after the other: 1 to 1024. Up to 16 need nothing beside the record. */
  readonly memory: readonly ScatterPart[];
  /** The registered buffer that all parts are in: `bearer.buffers.fixed.add(...)`. */
  readonly buffer: RegisteredMemory;
  /** First byte of the file to read. Default -1: at the file's own position, which moves on; needed for pipes. */
  readonly position?: number;
}

/**
 * Reads into several parts of one registered buffer, whose pages the kernel need not look up.
 *
 * Result: bytes read. Kernel 6.15.
 * preadv(2), io_uring_prep_readv_fixed(3), io_uring_register_buffers(3).
 *
 * @throws {TypeError} `descriptor` or `buffer` is none, a part is no kernel memory
 * @throws {RangeError} no parts or more than 1024, a part that is empty, outside of its memory or of the registered buffer, a
 * `position` below -1
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Close, OpenAt, ReadvFixed } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const pool = bearer.buffers.pool({ count: 2, bufferBytes: 6 });
 * const buffer = bearer.buffers.fixed.add(pool);
 * const memory = [pool.take(), pool.take()];
 * const descriptor = await bearer.submit(new OpenAt({ path: '/proc/version' }));
 * await bearer.submit(new ReadvFixed({ descriptor, buffer, memory }));
 * console.log(memory.map(String)); // [ 'Linux ', 'versio' ]
 * await bearer.submit(new Close({ descriptor }));
 * await bearer.close();
 * ```
 */
export class ReadvFixed extends VectorTransfer<ScatterPart> {
  override readonly code = OpNumber.READV_FIXED;
  override readonly name = 'READV_FIXED';
  override readonly since = '6.15';

  constructor(options: ReadvFixedOptions) {
    const { descriptor, memory, position, buffer } = options;
    super(DIRECTION, descriptor, memory, position, registeredArgument(DIRECTION.action, buffer));
  }
}
