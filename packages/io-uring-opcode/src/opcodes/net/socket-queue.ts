import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpFlag, OpNumber } from '../../abi.generated.js';
import { descriptorArgument, show } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link SocketQueue}. */
export interface SocketQueueOptions {
  /** A TCP, UDP or raw socket, regular or direct. */
  readonly socket: Descriptor;
  /** `'input'`: arrived and not received. `'output'`: sent and not acknowledged. */
  readonly queue: 'input' | 'output';
}

const COMMANDS = {
  input: OpFlag.SOCKET_URING_OP_SIOCINQ,
  output: OpFlag.SOCKET_URING_OP_SIOCOUTQ,
} as const;

/**
 * Asks how many bytes wait in a socket.
 *
 * Result: bytes; of a datagram socket, those of the first datagram. Errors of note: EINVAL (a listening socket), EOPNOTSUPP (a
 * Unix socket). Kernel 6.7. tcp(7) SIOCINQ, SIOCOUTQ; io_uring_prep_cmd_sock(3).
 *
 * @throws {TypeError} `socket` is no descriptor, an unknown `queue`
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { AddressFamily, Close, Socket, SocketQueue, SocketType } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const socket = await bearer.submit(
 *   new Socket({ family: AddressFamily.INET, type: SocketType.DGRAM }),
 * );
 * console.log(await bearer.submit(new SocketQueue({ socket, queue: 'input' }))); // 0
 * await bearer.submit(new Close({ descriptor: socket }));
 * await bearer.close();
 * ```
 */
export class SocketQueue extends OpCode<number> {
  override readonly code = OpNumber.URING_CMD;
  override readonly name = 'URING_CMD';
  override readonly since = '6.7';
  #socket: Descriptor;
  readonly #command: number;

  constructor(options: SocketQueueOptions) {
    super();
    const { socket, queue } = options;
    this.#socket = descriptorArgument('ask for a queue', 'socket', socket);
    if (!Object.hasOwn(COMMANDS, queue)) {
      throw new TypeError(
        `Cannot ask for a queue as queue must be input or output: current value is ${show(queue)}`,
      );
    }
    this.#command = COMMANDS[queue];
  }

  /** Chooses another socket for the next submission. */
  set(socket: Descriptor): this {
    this.assertIdle();
    this.#socket = descriptorArgument('ask for a queue', 'socket', socket);
    return this;
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#socket);
    sqe.offset(this.#command); // cmd_op
  }

  override complete(cqe: Cqe): number {
    return this.result(cqe);
  }
}
