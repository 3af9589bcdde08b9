import { type Descriptor, FixedFd, TargetFd } from '@ringbearer/io-uring-fd';
import { OpFlag, OpNumber } from '../../abi.generated.js';
import { descriptorArgument, show } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { descriptorHint } from '../../descriptor-hint.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link MsgRingFd}. */
export interface MsgRingFdOptions {
  /** The other ring, regular or direct: `bearer.descriptor` there. It has a table of direct descriptors. */
  readonly ring: Descriptor;
  /** A direct descriptor of this ring. It stays open here. */
  readonly descriptor: Descriptor;
  /** The slot in the other table. Default `TargetFd.auto`: the kernel chooses. */
  readonly into?: TargetFd;
}

/**
 * Gives another ring, usually another thread's, a direct descriptor: how one thread accepts for all. The other side hears
 * nothing of it: tell it the slot with {@link MsgRing} afterwards.
 *
 * Result: the {@link FixedFd} as the other ring knows it. Errors of note: EBADF (the slot here is empty), ENFILE (no slot free
 * there), ENXIO (no table there), EINVAL (the same ring). Kernel 6.0. io_uring_prep_msg_ring_fd(3).
 *
 * @throws {TypeError} `ring` is no descriptor, `descriptor` no direct one, `into` no direct target
 *
 * @example
 * ```ts
 * import { FixedFd, RawFd } from '@ringbearer/io-uring-fd';
 * import { dryRun, MsgRingFd } from '@ringbearer/io-uring-opcode';
 *
 * const ring = new RawFd(20); // its number arrived by postMessage from the thread of the other ring
 * const { words } = dryRun(new MsgRingFd({ ring, descriptor: new FixedFd(4) }));
 * console.log(words[0]! & 0xff, words[12]); // 40 4
 * ```
 */
export class MsgRingFd extends OpCode<FixedFd> {
  override readonly code = OpNumber.MSG_RING;
  override readonly name = 'MSG_RING';
  override readonly since = '6.0';
  readonly #ring: Descriptor;
  #descriptor: Descriptor;
  readonly #into: TargetFd;

  constructor(options: MsgRingFdOptions) {
    super();
    const { ring, descriptor, into = TargetFd.auto } = options;
    this.#ring = descriptorArgument('pass a descriptor', 'ring', ring);
    this.#descriptor = directArgument(descriptor);
    if (!(into instanceof TargetFd) || !into.direct) {
      throw new TypeError(
        `Cannot pass a descriptor as into must be TargetFd.auto or a slot: current value is ${show(into)}`,
      );
    }
    this.#into = into;
  }

  /** Chooses another descriptor for the next submission. */
  set(descriptor: Descriptor): this {
    this.assertIdle();
    this.#descriptor = directArgument(descriptor);
    return this;
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#ring);
    sqe.address(OpFlag.MSG_SEND_FD, 0);
    sqe.address3(this.#descriptor.number, 0);
    // Without a completion over there: that would carry no F_MORE, and end whatever operation it named.
    sqe.flags(OpFlag.MSG_RING_CQE_SKIP);
    sqe.fileIndex(this.#into.fileIndex);
  }

  override complete(cqe: Cqe): FixedFd {
    return new FixedFd(this.#into.descriptor(this.result(cqe)).number);
  }

  protected override hint(errno: number): string {
    return descriptorHint(errno, this.#into);
  }
}

function directArgument(descriptor: Descriptor): Descriptor {
  descriptorArgument('pass a descriptor', 'descriptor', descriptor);
  if (!descriptor.direct) {
    throw new TypeError(
      `Cannot pass a descriptor as it must be a FixedFd: current value is ${show(descriptor)}`,
    );
  }
  return descriptor;
}
