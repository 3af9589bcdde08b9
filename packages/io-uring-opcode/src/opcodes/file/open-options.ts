import { TargetFd } from '@ringbearer/io-uring-fd';
import { CommonOpenFlag } from '../../abi.generated.js';
import { integerArgument, show, UINT32_MAX } from '../../argument.js';

/** Permissions a new file has when nobody says otherwise, as fopen(3) and node:fs. */
export const NEW_FILE_MODE = 0o666;

/** Largest mode: permissions with set-user-id, set-group-id and sticky. */
export const MODE_MAX = 0o7777;

/**
 * `flags` with O_CLOEXEC for regular descriptors. For direct ones the kernel answers EINVAL to it, and no other process
 * can inherit them anyway.
 */
export function openFlags(flags: number, into: TargetFd): number {
  if (!(into instanceof TargetFd)) {
    throw new TypeError(`Cannot open as into must be a TargetFd: current value is ${show(into)}`);
  }
  const checked = integerArgument('open', 'flags', flags, 0, UINT32_MAX);
  return into.direct ? checked & ~CommonOpenFlag.CLOEXEC : checked | CommonOpenFlag.CLOEXEC;
}

/** The kernel that opens into such a target. */
export function openSince(raw: string, into: TargetFd): string {
  return into.automatic ? '5.19' : into.direct ? '5.15' : raw;
}
