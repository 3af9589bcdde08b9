import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber } from '../../abi.generated.js';
import { descriptorArgument, integerArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link Listen}. */
export interface ListenOptions {
  /** A bound socket, regular or direct. */
  readonly socket: Descriptor;
  /** Connections that may wait to be accepted. Default 511, as in Node.js; the kernel caps it at net.core.somaxconn. */
  readonly backlog?: number;
}

/**
 * Makes a bound socket accept connections.
 *
 * No result. Errors of note: EADDRINUSE, EOPNOTSUPP (a datagram socket). Kernel 6.11. listen(2),
 * io_uring_prep_listen(3).
 *
 * @throws {TypeError} `socket` is no descriptor
 * @throws {RangeError} `backlog` is no integer >= 0
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { AddressFamily, Bind, Close, Listen, Socket, SocketType } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const socket = await bearer.submit(
 *   new Socket({ family: AddressFamily.INET6, type: SocketType.STREAM }),
 * );
 * await bearer.submit(new Bind({ socket, address: { family: 'IPv6', address: '::', port: 0 } }));
 * await bearer.submit(new Listen({ socket, backlog: 16 }));
 * console.log('listening');
 * await bearer.submit(new Close({ descriptor: socket }));
 * await bearer.close();
 * ```
 */
export class Listen extends OpCode<void> {
  override readonly code = OpNumber.LISTEN;
  override readonly name = 'LISTEN';
  override readonly since = '6.11';
  readonly #socket: Descriptor;
  readonly #backlog: number;

  constructor(options: ListenOptions) {
    super();
    const { socket, backlog = 511 } = options;
    this.#socket = descriptorArgument('listen', 'socket', socket);
    this.#backlog = integerArgument('listen', 'backlog', backlog, 0, 0x7fff_ffff);
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#socket);
    sqe.length(this.#backlog);
  }

  override complete(cqe: Cqe): void {
    this.result(cqe);
  }
}
