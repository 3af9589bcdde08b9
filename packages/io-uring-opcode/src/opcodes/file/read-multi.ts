import type { Descriptor } from '@ringbearer/io-uring-fd';
import { Errno, OpNumber } from '../../abi.generated.js';
import {
  descriptorArgument,
  integerArgument,
  TRANSFER_BYTES_MAX,
  UINT16_MAX,
} from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { type Received, received } from '../../receive-target.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link ReadMulti}. */
export interface ReadMultiOptions {
  /** What to read, regular or direct: a pipe, a terminal, an eventfd, whatever can be polled. */
  readonly descriptor: Descriptor;
  /** Buffer group, 0 to 65535, filled by a buffer ring or {@link ProvideBuffers}. */
  readonly group: number;
  /** Bytes to use at most of a buffer. Default 0: all of it. */
  readonly length?: number;
}

/**
 * Reads again and again with one submission, whenever there is something: what {@link RecvMulti} is for sockets.
 *
 * Result of each completion: {@link Received}, whose buffer is the receiver's until he gives it back to the group;
 * `length` 0 is the end and the last completion, where a stream stops without yielding it. ENOBUFS ends it without loss, and {@link rearms} says to go on. Errors of
 * note: EBADFD (a regular file, which is always ready). Kernel 6.7. read(2), io_uring_prep_read_multishot(3).
 *
 * @throws {TypeError} `descriptor` is none
 * @throws {RangeError} `group` is beyond 16 bits
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Close, Pipe, ReadMulti, Write } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * if (bearer.probe().has('PIPE')) {
 *   const { readEnd, writeEnd } = await bearer.submit(new Pipe());
 *   const buffers = bearer.buffers.ring({ count: 8, bufferBytes: 1024 });
 *   const write = new Write({ descriptor: writeEnd, data: new TextEncoder().encode('tick') });
 *   let seen = 0;
 *   await bearer.submit(write);
 *   const read = new ReadMulti({ descriptor: readEnd, group: buffers.group });
 *   for await (const { length, bufferId } of bearer.stream(read)) {
 *     const lease = buffers.lease(bufferId, length);
 *     console.log(lease.toString()); // tick, twice
 *     lease.release();
 *     if (++seen === 2) break;
 *     await bearer.submit(write);
 *   }
 *   for (const descriptor of [readEnd, writeEnd]) await bearer.submit(new Close({ descriptor }));
 * }
 * await bearer.close();
 * ```
 */
export class ReadMulti extends OpCode<Received> {
  override readonly code = OpNumber.READ_MULTISHOT;
  override readonly name = 'READ_MULTISHOT';
  override readonly since = '6.7';
  override readonly multishot = true;
  #descriptor: Descriptor;
  #group: number;
  readonly #length: number;

  constructor(options: ReadMultiOptions) {
    super();
    const { descriptor, group, length = 0 } = options;
    this.#descriptor = descriptorArgument('read', 'descriptor', descriptor);
    this.#group = integerArgument('read', 'group', group, 0, UINT16_MAX);
    this.#length = integerArgument('read', 'length', length, 0, TRANSFER_BYTES_MAX);
  }

  /** Chooses descriptor and group for the next submission. */
  set(descriptor: Descriptor, group: number = this.#group): this {
    this.assertIdle();
    this.#descriptor = descriptorArgument('read', 'descriptor', descriptor);
    this.#group = integerArgument('read', 'group', group, 0, UINT16_MAX);
    return this;
  }

  override get bufferGroup(): number {
    return this.#group;
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#descriptor);
    sqe.bufferSelect(this.#group);
    sqe.length(this.#length);
    sqe.fileOffset(-1);
  }

  override complete(cqe: Cqe): Received {
    this.result(cqe);
    return received(cqe);
  }

  override ends(cqe: Cqe): boolean {
    return cqe.res === 0;
  }

  override rearms(cqe: Cqe): boolean {
    return !cqe.more && (cqe.res > 0 || cqe.res === -Errno.ENOBUFS);
  }
}
