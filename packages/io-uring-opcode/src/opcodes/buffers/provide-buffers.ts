import type { KernelMemory } from '@ringbearer/io-uring-owner';
import { OpNumber } from '../../abi.generated.js';
import { integerArgument, show, UINT16_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';

/** Buffers one group has room for: their ids are 16 bits. MAX_BIDS_PER_BGID of the kernel. */
export const GROUP_BUFFERS_MAX = 0x1_0000;

/**
 * What to provide: `count` buffers of `bufferBytes` bytes, one after the other, with the ids `firstBid`, `firstBid + 1`, ...
 * `ClassicBufferGroup.provision()` of io-uring-buffer makes them and keeps the books.
 *
 * The owner is a shared one and says only that such an operation is in flight. Who has each buffer afterwards is for the
 * books: the kernel keeps it until a completion names it.
 */
export interface BufferProvision extends KernelMemory {
  /** Buffer group, 0 to 65535. */
  readonly group: number;
  /** Id of the first buffer, 0 to 65535. */
  readonly firstBid: number;
  /** Buffers, 1 to 65536. */
  readonly count: number;
  /** Bytes of each. */
  readonly bufferBytes: number;
}

/**
 * Adds buffers to a group, from which {@link Recv}, {@link RecvMulti} and {@link Read} pick. A buffer that was picked
 * is its receiver's; providing it again gives it back. A buffer ring (kernel 5.19) does the same without a submission
 * for each return: prefer it where there is one.
 *
 * No result. Errors of note: E2BIG (ids beyond 65535), ENOMEM. Kernel 5.7. io_uring_prep_provide_buffers(3).
 *
 * @throws {TypeError} the provision is none, or its owner is exclusive
 * @throws {RangeError} ids beyond 16 bits, or more buffers than the memory has room for
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { ProvideBuffers, RemoveBuffers } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const group = bearer.buffers.classicGroup({ group: 3, count: 4, bufferBytes: 1024 });
 * await bearer.submit(new ProvideBuffers(group.provision()!));
 * console.log(group.available); // 4
 *
 * const removal = group.removal()!;
 * group.removed(await bearer.submit(new RemoveBuffers(removal)));
 * console.log(group.available); // 0
 * await bearer.close();
 * ```
 */
export class ProvideBuffers extends OpCode<void> {
  override readonly code = OpNumber.PROVIDE_BUFFERS;
  override readonly name = 'PROVIDE_BUFFERS';
  override readonly since = '5.7';
  #provision: BufferProvision;

  constructor(provision: BufferProvision) {
    super();
    this.#provision = provisionArgument(provision);
  }

  /** Chooses other buffers for the next submission. */
  set(provision: BufferProvision): this {
    this.assertIdle();
    this.#provision = provisionArgument(provision);
    return this;
  }

  override acquire(): void {
    this.#provision.owner.lend();
  }
  override release(): void {
    this.#provision.owner.giveBack();
  }
  override rollback(): void {
    this.#provision.owner.withdraw();
  }

  override prepare(sqe: Sqe): void {
    const { group, firstBid, count, bufferBytes } = this.#provision;
    sqe.fd(count);
    sqe.memory(this.#provision, 0, count * bufferBytes);
    sqe.length(bufferBytes);
    sqe.offset(firstBid);
    sqe.bufferGroup(group);
  }

  override complete(cqe: Cqe): void {
    this.result(cqe);
  }
}

function provisionArgument(value: BufferProvision): BufferProvision {
  if (typeof value !== 'object' || value === null || value.owner?.shared !== true) {
    throw new TypeError(
      `Cannot provide buffers as they must be kernel memory with a shared owner: current value is ${show(value)}`,
    );
  }
  const { group, firstBid, count, bufferBytes, byteLength, owner, unsafe } = value;
  integerArgument('provide buffers', 'group', group, 0, UINT16_MAX);
  integerArgument('provide buffers', 'firstBid', firstBid, 0, UINT16_MAX);
  integerArgument('provide buffers', 'count', count, 1, GROUP_BUFFERS_MAX - firstBid);
  integerArgument('provide buffers', 'bufferBytes', bufferBytes, 1, Math.floor(byteLength / count));
  return { group, firstBid, count, bufferBytes, byteLength, owner, unsafe };
}
