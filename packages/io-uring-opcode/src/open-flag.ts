import { constants } from 'node:fs';
import { CommonOpenFlag } from './abi.generated.js';

/**
 * Flags of open(2) (`O_`), as numbered on this machine. CLOEXEC is set for every regular descriptor and refused by the
 * kernel for direct ones, so operations take care of it.
 *
 * @example
 * ```ts
 * import { OpenFlag } from '@ringbearer/io-uring-opcode';
 *
 * console.log(OpenFlag.WRONLY | OpenFlag.CREAT | OpenFlag.TRUNC); // 577
 * ```
 */
export const OpenFlag = {
  ...CommonOpenFlag,
  // Numbered differently on x86-64 and arm64: Node.js knows those of its machine.
  /** Fails unless the path names a directory. */
  DIRECTORY: constants.O_DIRECTORY,
  /** Fails where the last part of the path is a symbolic link. */
  NOFOLLOW: constants.O_NOFOLLOW,
  /** Reads and writes around the page cache, in aligned blocks. */
  DIRECT: constants['O_DIRECT' as keyof typeof constants] as number,
  /** An unnamed file in the directory that the path names: __O_TMPFILE of fcntl.h, which always goes with DIRECTORY. */
  TMPFILE: 0o2000_0000 | constants.O_DIRECTORY,
} as const;
