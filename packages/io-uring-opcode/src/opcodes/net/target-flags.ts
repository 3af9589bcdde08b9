import { TargetFd } from '@ringbearer/io-uring-fd';
import { SocketType } from '../../abi.generated.js';
import { show } from '../../argument.js';

/**
 * SOCK_* flags for a new socket. Close-on-exec is a property of the process's table: the kernel refuses it (EINVAL)
 * for direct descriptors, which no other process can inherit anyway.
 */
export function targetFlags(action: string, into: TargetFd, nonBlocking: boolean): number {
  if (!(into instanceof TargetFd)) {
    throw new TypeError(
      `Cannot ${action} as into must be a TargetFd: current value is ${show(into)}`,
    );
  }
  return (into.direct ? 0 : SocketType.CLOEXEC) | (nonBlocking ? SocketType.NONBLOCK : 0);
}
