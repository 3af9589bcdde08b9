// An operation of our own: is a descriptor open? NOP looks it up when it is asked to (IORING_NOP_FILE), and does nothing with it.

import { defineOpCode, OpNumber } from '@ringbearer/io-uring-opcode';

/** `nop_flags` of include/uapi/linux/io_uring.h, since Linux 6.13. */
const NOP_FILE = 1 << 1;
const NOP_FIXED_FILE = 1 << 2;

/**
 * Whether a descriptor, regular or direct, is open. Result: true or false.
 *
 * Kernel 6.13. EINVAL: an older one, whose NOP knows no files.
 */
export const IsOpen = defineOpCode({
  name: 'NOP',
  code: OpNumber.NOP,
  since: '6.13',
  errors: { EBADF: false },
  check({ descriptor }) {
    if (typeof descriptor?.number !== 'number') {
      throw new TypeError('Cannot look up a descriptor as it must be a RawFd or a FixedFd');
    }
  },
  prepare(sqe, { descriptor }) {
    sqe.fd(descriptor.number);
    sqe.flags(NOP_FILE | (descriptor.direct ? NOP_FIXED_FILE : 0));
  },
  complete: () => true,
});
