import type { Descriptor } from '@ringbearer/io-uring-fd';
import { dryRun, MsgRing, type OperationKey, RegisterOp } from '@ringbearer/io-uring-opcode';
import { registerWithoutRing } from '@ringbearer/native/ring';
import { registrationError } from './registrar.js';

const HINTS = {
  EBADF: 'the descriptor of the other ring is not open in this process: its bearer may be closed',
  EBADFD:
    'the descriptor is no ring: its bearer may be closed, and the number taken by another file',
  EOVERFLOW:
    'the completion queue of the other ring is full: send again later, or give it a larger CompletionQueue',
};

/**
 * Sends an integer to a Mailbox of a ring, from a thread that has no ring: what MsgRing does, as one system call. The bearer
 * of that ring may be in any thread of this process.
 *
 * Kernel 6.13. io_uring_register_sync_msg(3), IORING_REGISTER_SEND_MSG_RING.
 *
 * @param ring `bearer.descriptor` of the receiver
 * @param key of its Mailbox in flight. A key that names anything else reaches nobody
 * @param message a 32-bit integer, signed or not: what arrives is signed
 * @throws TypeError, RangeError for a bad argument
 * @throws RegistrationError when the ring cannot be reached; UnsupportedRegistrationError
 *
 * @example
 * ```ts
 * import { sendToRing, UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Mailbox } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const mailbox = new Mailbox();
 * const messages = bearer.stream(mailbox);
 * const first = messages.next(); // submits the mailbox
 * // A Worker would be told the number of the descriptor and the key with postMessage.
 * sendToRing(bearer.descriptor, { slot: mailbox.slot, generation: mailbox.generation }, 42);
 * console.log((await first).value); // 42
 * await messages.return?.();
 * await bearer.close();
 * ```
 */
export function sendToRing(ring: Descriptor, key: OperationKey, message: number): void {
  if (ring?.direct) {
    throw new TypeError(
      'Cannot send a message as ring must be a RawFd without a ring of your own: use MsgRing',
    );
  }
  const { words } = dryRun(new MsgRing({ ring, key, message }));
  try {
    registerWithoutRing(RegisterOp.REGISTER_SEND_MSG_RING, words, 1);
  } catch (error) {
    throw registrationError('REGISTER_SEND_MSG_RING', error, HINTS);
  }
}
