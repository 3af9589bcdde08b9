import type { Descriptor } from '@ringbearer/io-uring-fd';
import { FixedFdInstall, OpCodeError } from '@ringbearer/io-uring-opcode';
import { closeFd, peerName, type SocketName } from '@ringbearer/native/ring';
import type { Engine } from './engine.js';
import { BearerError } from './errors.js';

/** The peer's name of a connected socket. A direct descriptor becomes a regular one for a moment: three system calls. */
export function lookUpPeer(engine: Engine, socket: Descriptor): SocketName {
  if (!socket.direct) return peerName(socket.number);
  const fd = installInline(engine, socket);
  try {
    return peerName(fd);
  } finally {
    closeFd(fd);
  }
}

/** FIXED_FD_INSTALL completes while it is submitted. */
function installInline(engine: Engine, socket: Descriptor): number {
  if (engine.chainOpen) {
    throw new BearerError(
      'CHAIN_OPEN',
      'Cannot look up the peer between the links of a chain: push the rest of the chain first',
    );
  }
  const install = new FixedFdInstall({ descriptor: socket });
  // Should the completion not be readable at once, its descriptor must not be lost.
  let taken = false;
  install.handler = (cqe) => {
    if (!taken && cqe.res >= 0) closeFd(cqe.res);
  };
  const result = engine.completeInline(install);
  if (result === null) {
    throw new BearerError(
      'NOT_AT_ONCE',
      'Cannot look up the peer now as the ring is held up by a full completion queue: handle completions first',
    );
  }
  taken = true;
  if (result < 0) throw new OpCodeError(install.name, -result);
  return result;
}
