import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber, type ShutdownHow } from '../../abi.generated.js';
import { descriptorArgument, integerArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link Shutdown}. */
export interface ShutdownOptions {
  /** A connected socket, regular or direct. */
  readonly socket: Descriptor;
  /** {@link ShutdownHow}: `RD`, `WR` (the peer reads the end) or `RDWR` (operations in flight on it end). */
  readonly how: (typeof ShutdownHow)[keyof typeof ShutdownHow];
}

/**
 * Closes one or both directions of a connection.
 *
 * No result. Errors of note: ENOTCONN. Kernel 5.11. shutdown(2), io_uring_prep_shutdown(3).
 *
 * @throws {TypeError} `socket` is no descriptor
 * @throws {RangeError} `how` is no direction
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import {
 *   AddressFamily, Close, OpCodeError, Shutdown, ShutdownHow, Socket, SocketType,
 * } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const socket = await bearer.submit(
 *   new Socket({ family: AddressFamily.INET, type: SocketType.STREAM }),
 * );
 * try {
 *   await bearer.submit(new Shutdown({ socket, how: ShutdownHow.WR }));
 * } catch (error) {
 *   if (error instanceof OpCodeError) console.log(error.code); // ENOTCONN
 * }
 * await bearer.submit(new Close({ descriptor: socket }));
 * await bearer.close();
 * ```
 */
export class Shutdown extends OpCode<void> {
  override readonly code = OpNumber.SHUTDOWN;
  override readonly name = 'SHUTDOWN';
  override readonly since = '5.11';
  #socket: Descriptor;
  readonly #how: number;

  constructor(options: ShutdownOptions) {
    super();
    this.#socket = descriptorArgument('shut down', 'socket', options.socket);
    this.#how = integerArgument('shut down', 'how', options.how, 0, 2);
  }

  /** Chooses another socket for the next submission. */
  set(socket: Descriptor): this {
    this.assertIdle();
    this.#socket = descriptorArgument('shut down', 'socket', socket);
    return this;
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#socket);
    sqe.length(this.#how);
  }

  override complete(cqe: Cqe): void {
    this.result(cqe);
  }
}
