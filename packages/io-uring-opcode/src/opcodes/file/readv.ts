import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber } from '../../abi.generated.js';
import type { ScatterPart } from '../../vector.js';
import { type VectorDirection, VectorTransfer } from './vector-transfer.js';

const DIRECTION: VectorDirection = { action: 'read', parts: 'memory', kernelOnly: true };

/** Settings of a {@link Readv}. */
export interface ReadvOptions {
  /** What to read, regular or direct. */
  readonly descriptor: Descriptor;
  /** Where the bytes go, one part after the other: 1 to 1024. Up to 16 need nothing beside the record. */
  readonly memory: readonly ScatterPart[];
  /** First byte of the file to read. Default -1: at the file's own position, which moves on; needed for pipes. */
  readonly position?: number;
}

/**
 * Reads into several pieces of kernel memory: the first is filled, then the second, and so on.
 *
 * Result: bytes read; 0 is the end of the file, and fewer bytes than asked for are ordinary. Kernel 5.1. readv(2),
 * preadv(2), io_uring_prep_readv(3).
 *
 * @throws {TypeError} `descriptor` is none, a part is no kernel memory
 * @throws {RangeError} no parts or more than 1024, a part outside of its memory, a `position` below -1
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Close, OpenAt, Readv } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const descriptor = await bearer.submit(new OpenAt({ path: '/proc/version' }));
 * const [head, tail] = [bearer.allocate(6), bearer.allocate(64)];
 * await bearer.submit(new Readv({ descriptor, memory: [head, { memory: tail, length: 7 }] }));
 * console.log(head.toString() + tail.toString('latin1', 0, 7)); // Linux version
 * for (const lease of [head, tail]) lease.release();
 * await bearer.submit(new Close({ descriptor }));
 * await bearer.close();
 * ```
 */
export class Readv extends VectorTransfer<ScatterPart> {
  override readonly code = OpNumber.READV;
  override readonly name = 'READV';
  override readonly since = '5.1';

  constructor(options: ReadvOptions) {
    super(DIRECTION, options.descriptor, options.memory, options.position);
  }
}
