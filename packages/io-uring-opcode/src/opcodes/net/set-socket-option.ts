import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpFlag, OpNumber, SocketLevel } from '../../abi.generated.js';
import { descriptorArgument, integerArgument, show, UINT32_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { RECORD_BYTES } from '../../record-memory.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link SetSocketOption}. */
export interface SetSocketOptionOptions {
  /** A TCP or UDP socket, regular or direct. */
  readonly socket: Descriptor;
  /** {@link SocketLevel} or {@link SocketProtocol}. Default SOL_SOCKET. */
  readonly level?: number;
  /** One of {@link SocketOption}, or {@link TcpOption} at the level of TCP. */
  readonly option: number;
  /** An `int`, true and false as 1 and 0, or the bytes of a structure: 1 to 256, which are copied. */
  readonly value: number | boolean | Uint8Array;
}

/**
 * Sets an option of a socket: also of direct descriptors, which setsockopt(2) cannot reach. The value travels in the
 * operation's record.
 *
 * No result. Errors of note: ENOPROTOOPT (no such option), EINVAL, EOPNOTSUPP (a Unix socket).
 * Kernel 6.7. setsockopt(2), socket(7), tcp(7), io_uring_prep_cmd_sock(3).
 *
 * @throws {TypeError} `socket` is no descriptor, `value` neither integer, boolean nor bytes
 * @throws {RangeError} `level` or `option` out of range, `value` no 32-bit integer or beyond 256 bytes
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import {
 *   AddressFamily, Close, SetSocketOption, Socket, SocketProtocol, SocketType, TcpOption,
 * } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const socket = await bearer.submit(
 *   new Socket({ family: AddressFamily.INET, type: SocketType.STREAM }),
 * );
 * const level = SocketProtocol.TCP;
 * const noDelay = { socket, level, option: TcpOption.NODELAY, value: true };
 * await bearer.submit(new SetSocketOption(noDelay));
 * console.log('set');
 * await bearer.submit(new Close({ descriptor: socket }));
 * await bearer.close();
 * ```
 */
export class SetSocketOption extends OpCode<void> {
  override readonly code = OpNumber.URING_CMD;
  override readonly name = 'URING_CMD';
  override readonly since = '6.7';
  #socket: Descriptor;
  readonly #level: number;
  readonly #option: number;
  readonly #value: Uint8Array;

  constructor(options: SetSocketOptionOptions) {
    super();
    const { socket, level = SocketLevel.SOCKET, option, value } = options;
    this.#socket = descriptorArgument('set an option', 'socket', socket);
    this.#level = integerArgument('set an option', 'level', level, 0, UINT32_MAX);
    this.#option = integerArgument('set an option', 'option', option, 0, UINT32_MAX);
    this.#value = valueArgument(value);
  }

  /** Chooses another socket for the next submission. */
  set(socket: Descriptor): this {
    this.assertIdle();
    this.#socket = descriptorArgument('set an option', 'socket', socket);
    return this;
  }

  override prepare(sqe: Sqe): void {
    sqe.record.setBytes(0, this.#value);
    sqe.descriptor(this.#socket);
    sqe.offset(OpFlag.SOCKET_URING_OP_SETSOCKOPT); // cmd_op
    sqe.address(this.#level, this.#option); // level and optname share the place of addr
    sqe.fileIndex(this.#value.length); // optlen
    sqe.recordAddress3(0); // optval
  }

  override complete(cqe: Cqe): void {
    this.result(cqe);
  }
}

function valueArgument(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) {
    const bytes = new Uint8Array(value); // slice() of a subclass may return something else
    integerArgument('set an option', 'value.length', bytes.length, 1, RECORD_BYTES);
    return bytes;
  }
  if (typeof value !== 'number' && typeof value !== 'boolean') {
    throw new TypeError(
      `Cannot set an option as value must be a number, a boolean or a Uint8Array: current value is ${show(value)}`,
    );
  }
  const int = integerArgument('set an option', 'value', Number(value), -0x8000_0000, UINT32_MAX);
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, int, true);
  return bytes;
}
