import { Errno } from './abi.generated.js';
import { errnoMessage, errnoName } from './errno.js';

/**
 * ERESTARTSYS to ERESTART_RESTARTBLOCK of the kernel's own linux/errno.h: "make this call again". No program is meant to see them, but
 * what a cancellation interrupts in one of the ring's worker threads (a splice, the open of a FIFO) ends with one.
 */
const RESTART_MIN = 512;
const RESTART_MAX = 516;

/**
 * The kernel answered an operation with an error.
 *
 * `code` is the errno's name (`'ECONNRESET'`), `errno` its negated number as everywhere in Node.js, `syscall` the opcode in
 * lower case. An operation that was interrupted in the kernel has EINTR.
 */
export class OpCodeError extends Error {
  /** Name of the error, as of the system: `ECONNRESET`. */
  readonly code: string;
  /** Its number, positive. */
  readonly errno: number;
  /** Name of the opcode: `RECV`. */
  readonly syscall: string;

  constructor(opcode: string, answered: number, hint = '') {
    const restart = answered >= RESTART_MIN && answered <= RESTART_MAX;
    const errno = restart ? Errno.EINTR : answered;
    const code = errnoName(errno);
    const syscall = opcode.toLowerCase();
    super(`${syscall} failed: ${code}: ${errnoMessage(errno)}${hint === '' ? '' : `; ${hint}`}`);
    this.name = 'OpCodeError';
    this.code = code;
    this.errno = -errno;
    this.syscall = syscall;
  }
}
