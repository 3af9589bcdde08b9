import { type Descriptor, TargetFd } from '@ringbearer/io-uring-fd';
import { AcceptFlag, Errno, OpNumber } from '../../abi.generated.js';
import { descriptorArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { Opening } from '../../opening.js';
import type { Sqe } from '../../sqe.js';
import { targetFlags } from './target-flags.js';

/** Settings of an {@link AcceptMulti}. */
export interface AcceptMultiOptions {
  /** A listening socket. */
  readonly listener: Descriptor;
  /** Connections become direct descriptors in slots the kernel chooses. Default false: regular descriptors. */
  readonly direct?: boolean;
  /** SOCK_NONBLOCK for the connections. Default false: io_uring waits inside the kernel without it. */
  readonly nonBlocking?: boolean;
}

/**
 * Accepts connection after connection with one submission. It has no peer addresses, as the kernel has one place to write
 * them and connections arrive faster than anybody reads it: ask the connection for its peer when it matters, or use
 * {@link Accept}.
 *
 * Result of each completion: the connection's {@link Descriptor}. EMFILE and ENFILE end it and are errors: whoever
 * submits again at once spins, so make room first. A connection that was gone before it was accepted (ECONNABORTED,
 * EPROTO) and a completion queue that ran full end it too; {@link rearms} says to go on. Kernel 5.19.
 * accept4(2), io_uring_prep_multishot_accept(3).
 *
 * @throws {TypeError} `listener` is no descriptor
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { AcceptMulti, AddressFamily, Close, Connect, Socket, SocketType } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const listener = bearer.listen({ address: '127.0.0.1', port: 0 });
 * const clients = [];
 * for (let i = 0; i < 3; i++) {
 *   const socket = await bearer.submit(
 *     new Socket({ family: AddressFamily.INET, type: SocketType.STREAM }),
 *   );
 *   await bearer.submit(new Connect({ socket, address: listener.address }));
 *   clients.push(socket);
 * }
 *
 * const accepted = [];
 * for await (const connection of bearer.stream(new AcceptMulti({ listener: listener.descriptor }))) {
 *   accepted.push(connection);
 *   if (accepted.length === clients.length) break; // cancels, and closes what nobody took
 * }
 * console.log(accepted.length); // 3
 *
 * for (const descriptor of [...accepted, ...clients]) {
 *   await bearer.submit(new Close({ descriptor }));
 * }
 * await listener.close();
 * await bearer.close();
 * ```
 */
export class AcceptMulti extends Opening {
  override readonly code = OpNumber.ACCEPT;
  override readonly name = 'ACCEPT';
  override readonly since = '5.19';
  override readonly multishot = true;
  readonly #listener: Descriptor;
  readonly #flags: number;

  constructor(options: AcceptMultiOptions) {
    const { listener, direct = false, nonBlocking = false } = options;
    super(direct ? TargetFd.auto : TargetFd.raw);
    this.#listener = descriptorArgument('accept', 'listener', listener);
    this.#flags = targetFlags('accept', this.into, nonBlocking);
  }

  override opened(cqe: Cqe): void {
    cqe.opened(this.into);
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#listener);
    sqe.ioprio(AcceptFlag.MULTISHOT);
    sqe.flags(this.#flags);
    sqe.fileIndex(this.into.fileIndex);
    if (this.into.direct) sqe.opensMany();
  }

  override rearms(cqe: Cqe): boolean {
    if (cqe.more) return false;
    return cqe.res >= 0 || cqe.res === -Errno.ECONNABORTED || cqe.res === -Errno.EPROTO;
  }
}
