import { errnoMessage, errnoName } from './errno.js';

/**
 * The kernel answered an operation with an error.
 *
 * `code` is the errno's name (`'ECONNRESET'`), `errno` its negated number as everywhere in Node.js, `syscall` the opcode in
 * lower case.
 */
export class OpCodeError extends Error {
  /** Name of the error, as of the system: `ECONNRESET`. */
  readonly code: string;
  /** Its number, positive. */
  readonly errno: number;
  /** Name of the opcode: `RECV`. */
  readonly syscall: string;

  constructor(opcode: string, errno: number, hint = '') {
    const code = errnoName(errno);
    const syscall = opcode.toLowerCase();
    super(`${syscall} failed: ${code}: ${errnoMessage(errno)}${hint === '' ? '' : `; ${hint}`}`);
    this.name = 'OpCodeError';
    this.code = code;
    this.errno = -errno;
    this.syscall = syscall;
  }
}
