import type { Descriptor } from '@ringbearer/io-uring-fd';
import { CqeFlag, OpFlag, OpNumber } from '../../abi.generated.js';
import { descriptorArgument, integerArgument, UINT32_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { keyArgument, type OperationKey } from '../../operation-key.js';
import type { Sqe } from '../../sqe.js';
import { MESSAGE_MARK } from './message-mark.js';

/** Settings of a {@link MsgRing}. */
export interface MsgRingOptions {
  /** The other ring, regular or direct: `bearer.descriptor` there. */
  readonly ring: Descriptor;
  /** Key of the {@link Mailbox} in flight there. */
  readonly key: OperationKey;
  /** A 32-bit integer, signed or not: what arrives is signed. */
  readonly message: number;
}

/**
 * Posts a completion to another ring, usually another thread's: the cheapest way to wake it and say something. It is always
 * posted with F_MORE, so that it cannot end an operation the kernel of that ring still holds, and marked as a message: a key that names
 * no Mailbox in flight reaches nobody, and counts as stale there. `sendToRing` of the bearer does this without a ring of one's own.
 *
 * No result; it completes when the message is posted. Errors of note: EBADFD (no ring, or one that is disabled), EOVERFLOW (the
 * other completion queue is full). Kernel 6.3. io_uring_prep_msg_ring_cqe_flags(3).
 *
 * @throws {TypeError} `ring` is no descriptor, `key` is none
 * @throws {RangeError} `key` is of an operation that is not in flight, `message` no 32-bit integer
 *
 * @example
 * ```ts
 * import { RawFd } from '@ringbearer/io-uring-fd';
 * import { dryRun, MsgRing } from '@ringbearer/io-uring-opcode';
 *
 * // Both arrived by postMessage from the thread of the other ring.
 * const [ring, key] = [new RawFd(20), { slot: 3, generation: 1 }];
 * const { words } = dryRun(new MsgRing({ ring, key, message: 42 }));
 * console.log(words[0]! & 0xff, words[6]); // 40 42
 * ```
 */
export class MsgRing extends OpCode<void> {
  override readonly code = OpNumber.MSG_RING;
  override readonly name = 'MSG_RING';
  override readonly since = '6.3';
  readonly #ring: Descriptor;
  readonly #slot: number;
  readonly #generation: number;
  #message: number;

  constructor(options: MsgRingOptions) {
    super();
    this.#ring = descriptorArgument('send a message', 'ring', options.ring);
    const { slot, generation } = keyArgument('send a message', options.key);
    this.#slot = slot;
    this.#generation = generation;
    this.#message = messageArgument(options.message);
  }

  /** What the next submission says. */
  get message(): number {
    return this.#message;
  }
  set message(value: number) {
    this.assertIdle();
    this.#message = messageArgument(value);
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#ring);
    sqe.offset(this.#slot, this.#generation | 0);
    sqe.length(this.#message | 0);
    sqe.flags(OpFlag.MSG_RING_FLAGS_PASS);
    sqe.fileIndex(CqeFlag.MORE | MESSAGE_MARK); // the flags to pass
  }

  override complete(cqe: Cqe): void {
    this.result(cqe);
  }
}

function messageArgument(value: number): number {
  return integerArgument('send a message', 'message', value, -0x8000_0000, UINT32_MAX);
}
