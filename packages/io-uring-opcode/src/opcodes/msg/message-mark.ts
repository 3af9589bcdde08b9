/**
 * Set in the flags of a completion that another ring sent, by our own `MsgRing`: a bearer delivers such a one to a `Mailbox` only, so
 * that a message with a wrong key is never taken for the kernel's answer to an operation. The kernel itself uses bits 0 to 5 and 15, and
 * those from 16 on for buffer ids.
 */
export const MESSAGE_MARK: number = 1 << 14;
