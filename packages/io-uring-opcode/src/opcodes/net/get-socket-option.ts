import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpFlag, OpNumber, SocketLevel } from '../../abi.generated.js';
import { descriptorArgument, integerArgument, UINT32_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { RECORD_BYTES } from '../../record-memory.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link GetSocketOption}. */
export interface GetSocketOptionOptions {
  /** A socket, regular or direct. */
  readonly socket: Descriptor;
  /** One of {@link SocketOption}: of the level SOL_SOCKET, the only one the kernel reads through a ring. */
  readonly option: number;
  /** Bytes the value has at most, 1 to 256. Default 4, an `int`. */
  readonly valueBytes?: number;
}

/** The value of an option. */
export interface SocketOptionValue {
  /** Its first four bytes as an `int`: all there is to most options. */
  readonly value: number;
  /** All of it. */
  readonly bytes: Uint8Array;
}

/**
 * Reads an option of a socket. The value goes to the operation's record.
 *
 * Result: {@link SocketOptionValue}. Errors of note: ENOPROTOOPT (no such option), EOPNOTSUPP (a Unix socket, where the
 * kernel has no commands for those). Kernel 6.7. getsockopt(2), socket(7), io_uring_prep_cmd_sock(3).
 *
 * @throws {TypeError} `socket` is no descriptor
 * @throws {RangeError} `option` or `valueBytes` out of range
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import {
 *   AddressFamily, Close, GetSocketOption, Socket, SocketOption, SocketType,
 * } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const socket = await bearer.submit(
 *   new Socket({ family: AddressFamily.INET, type: SocketType.STREAM }),
 * );
 * const { value } = await bearer.submit(new GetSocketOption({ socket, option: SocketOption.TYPE }));
 * console.log(value === SocketType.STREAM); // true
 * await bearer.submit(new Close({ descriptor: socket }));
 * await bearer.close();
 * ```
 */
export class GetSocketOption extends OpCode<SocketOptionValue> {
  override readonly code = OpNumber.URING_CMD;
  override readonly name = 'URING_CMD';
  override readonly since = '6.7';
  #socket: Descriptor;
  readonly #option: number;
  readonly #valueBytes: number;

  constructor(options: GetSocketOptionOptions) {
    super();
    const { socket, option, valueBytes = 4 } = options;
    this.#socket = descriptorArgument('get an option', 'socket', socket);
    this.#option = integerArgument('get an option', 'option', option, 0, UINT32_MAX);
    this.#valueBytes = integerArgument('get an option', 'valueBytes', valueBytes, 1, RECORD_BYTES);
  }

  /** Chooses another socket for the next submission. */
  set(socket: Descriptor): this {
    this.assertIdle();
    this.#socket = descriptorArgument('get an option', 'socket', socket);
    return this;
  }

  override prepare(sqe: Sqe): void {
    sqe.record.clear(0, 4);
    sqe.descriptor(this.#socket);
    sqe.offset(OpFlag.SOCKET_URING_OP_GETSOCKOPT); // cmd_op
    sqe.address(SocketLevel.SOCKET, this.#option); // level and optname share the place of addr
    sqe.fileIndex(this.#valueBytes); // optlen
    sqe.recordAddress3(0); // optval
  }

  override complete(cqe: Cqe): SocketOptionValue {
    const length = this.result(cqe);
    const bytes = cqe.record.copyBytes(0, Math.min(length, this.#valueBytes));
    return { value: cqe.record.getInt32(0), bytes };
  }
}
