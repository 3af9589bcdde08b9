import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber } from '../../abi.generated.js';
import { descriptorArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { encodeSocketAddress, type SocketAddress } from '../../socket-address.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link Connect}. */
export interface ConnectOptions {
  /** A socket of the address's family, regular or direct. */
  readonly socket: Descriptor;
  /** Where to connect it. Names are not resolved here. */
  readonly address: SocketAddress;
}

/**
 * Connects a socket. To bound the time it takes, submit it with an AbortSignal.
 *
 * No result. Errors of note: ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENOENT (a Unix path that is not there).
 * Kernel 5.5. connect(2), io_uring_prep_connect(3).
 *
 * @throws {TypeError} `socket` is no descriptor, `address` no address
 * @throws {RangeError} an address that cannot be encoded: see {@link encodeSocketAddress}
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import {
 *   AddressFamily, Close, Connect, OpCodeError, Socket, SocketType,
 * } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const socket = await bearer.submit(
 *   new Socket({ family: AddressFamily.UNIX, type: SocketType.STREAM }),
 * );
 * try {
 *   await bearer.submit(new Connect({ socket, address: { family: 'Unix', path: '/nowhere' } }));
 * } catch (error) {
 *   if (error instanceof OpCodeError) console.log(error.code); // ENOENT
 * }
 * await bearer.submit(new Close({ descriptor: socket }));
 * await bearer.close();
 * ```
 */
export class Connect extends OpCode<void> {
  override readonly code = OpNumber.CONNECT;
  override readonly name = 'CONNECT';
  override readonly since = '5.5';
  #socket: Descriptor;
  #address: Uint8Array;

  constructor(options: ConnectOptions) {
    super();
    this.#socket = descriptorArgument('connect', 'socket', options.socket);
    this.#address = encodeSocketAddress(options.address);
  }

  /** Chooses another socket, and another address where one is given, for the next submission. */
  set(socket: Descriptor, address?: SocketAddress): this {
    this.assertIdle();
    this.#socket = descriptorArgument('connect', 'socket', socket);
    if (address !== undefined) this.#address = encodeSocketAddress(address);
    return this;
  }

  override prepare(sqe: Sqe): void {
    sqe.record.setBytes(0, this.#address);
    sqe.descriptor(this.#socket);
    sqe.recordAddress(0);
    sqe.offset(this.#address.length);
  }

  override complete(cqe: Cqe): void {
    this.result(cqe);
  }
}
