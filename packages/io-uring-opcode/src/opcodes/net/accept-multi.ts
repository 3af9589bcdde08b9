import { type Descriptor, TargetFd } from '@ringbearer/io-uring-fd';
import { AcceptFlag, Errno, OpNumber } from '../../abi.generated.js';
import { descriptorArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';
import { Close } from '../file/close.js';
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
 * import {
 *   AcceptMulti, AddressFamily, Bind, Close, Connect, Listen, Socket, SocketType, type SocketAddress,
 * } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const address: SocketAddress = { family: 'Unix', path: `\0ringbearer-accept-multi-${process.pid}` };
 * const stream = { family: AddressFamily.UNIX, type: SocketType.STREAM };
 * const listener = await bearer.submit(new Socket(stream));
 * await bearer.submit(new Bind({ socket: listener, address }));
 * await bearer.submit(new Listen({ socket: listener }));
 *
 * const opened = [listener];
 * for (let i = 0; i < 3; i++) {
 *   const client = await bearer.submit(new Socket(stream));
 *   opened.push(client);
 *   await bearer.submit(new Connect({ socket: client, address }));
 * }
 * for await (const connection of bearer.stream(new AcceptMulti({ listener }))) {
 *   opened.push(connection);
 *   if (opened.length === 7) break;
 * }
 * console.log(`${opened.length} sockets`); // 7 sockets
 *
 * for (const descriptor of opened) await bearer.submit(new Close({ descriptor }));
 * await bearer.close();
 * ```
 */
export class AcceptMulti extends OpCode<Descriptor> {
  override readonly code = OpNumber.ACCEPT;
  override readonly name = 'ACCEPT';
  override readonly since = '5.19';
  override readonly multishot = true;
  readonly #listener: Descriptor;
  readonly #into: TargetFd;
  readonly #flags: number;

  constructor(options: AcceptMultiOptions) {
    super();
    const { listener, direct = false, nonBlocking = false } = options;
    this.#listener = descriptorArgument('accept', 'listener', listener);
    this.#into = direct ? TargetFd.auto : TargetFd.raw;
    this.#flags = targetFlags('accept', this.#into, nonBlocking);
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#listener);
    sqe.ioprio(AcceptFlag.MULTISHOT);
    sqe.flags(this.#flags);
    sqe.fileIndex(this.#into.fileIndex);
  }

  override complete(cqe: Cqe): Descriptor {
    return this.#into.descriptor(this.result(cqe));
  }

  override rearms(cqe: Cqe): boolean {
    if (cqe.more) return false;
    return cqe.res >= 0 || cqe.res === -Errno.ECONNABORTED || cqe.res === -Errno.EPROTO;
  }

  override discard(cqe: Cqe): Close | null {
    return cqe.res < 0 ? null : new Close({ descriptor: this.#into.descriptor(cqe.res) });
  }

  override discardResult(descriptor: Descriptor): Close {
    return new Close({ descriptor });
  }
}
