import { OpNumber, TimeoutFlag } from '../../abi.generated.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';
import { writeTimespec } from '../time/timespec.js';

/** Milliseconds until a mailbox would end by itself: a thousand years. */
const EVER_MS = 1000 * 365 * 24 * 3600 * 1000;

/**
 * Receives what {@link MsgRing} operations of other rings, in other threads, send to its key. The kernel holds it as a
 * timeout that does not come; cancel it, or leave the loop, to end it.
 *
 * Its key, the two numbers `slot` and `generation`, is what the sender needs, with the descriptor of this ring. A message
 * that arrives after the mailbox ended meets no operation and counts as stale.
 *
 * Result of each completion: the 32-bit integer that was sent. Kernel 5.16 (to receive: 6.3). io_uring_prep_msg_ring(3).
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Mailbox, MsgRing } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const mailbox = new Mailbox();
 * const received = new Promise((resolve) => {
 *   mailbox.handler = (cqe) => resolve(cqe.res);
 * });
 * bearer.push(mailbox);
 * bearer.flush();
 * // For postMessage: numbers are all that another thread needs.
 * const address = { ring: bearer.descriptor, key: { slot: mailbox.slot, generation: mailbox.generation } };
 *
 * const other = UringBearer.withCapacity({ CoreQueue: 8 });
 * await other.submit(new MsgRing({ ...address, message: 42 }));
 * console.log(await received); // 42
 * await other.close();
 * await bearer.close();
 * ```
 */
export class Mailbox extends OpCode<number> {
  override readonly code = OpNumber.TIMEOUT;
  override readonly name = 'TIMEOUT';
  override readonly since = '5.16';
  override readonly multishot = true;
  override readonly takesMessages = true;

  override prepare(sqe: Sqe): void {
    writeTimespec(sqe.record, 0, EVER_MS);
    sqe.recordAddress(0);
    sqe.length(1);
    sqe.flags(TimeoutFlag.ETIME_SUCCESS);
  }

  override complete(cqe: Cqe): number {
    // A message may be any integer; only the final completion is the kernel's own.
    return cqe.more ? cqe.res : this.result(cqe);
  }
}
