import type { TargetFd } from '@ringbearer/io-uring-fd';
import { Errno } from './abi.generated.js';

/** What to do when there is no room for a new descriptor, or '' for an error of another kind. open(2), accept(2). */
export function descriptorHint(errno: number, into: TargetFd): string {
  if (errno === Errno.EMFILE) return PROCESS_FULL;
  if (errno !== Errno.ENFILE) return '';
  return into.automatic ? TABLE_FULL : SYSTEM_FULL;
}

const PROCESS_FULL =
  'the process has all the descriptors it may have: raise "ulimit -n" (LimitNOFILE= in systemd), or close some';
const TABLE_FULL =
  'the fixed-file table is full: give the bearer a larger RegisteredFd, or close direct descriptors';
const SYSTEM_FULL =
  'the system has all the files open that it may have: raise fs.file-max, or close some';
