import type { Descriptor } from '@ringbearer/io-uring-fd';
import { AddressFamily, OpNumber } from '../../abi.generated.js';
import { descriptorArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { encodeSocketAddress, type SocketAddress } from '../../socket-address.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link Connect}. */
export interface ConnectOptions {
  /** A socket of the address's family, regular or direct. */
  readonly socket: Descriptor;
  /** Where to connect it. Names are not resolved here. `null` takes its peer from it: `AF_UNSPEC` of connect(2). */
  readonly address: SocketAddress | null;
}

/**
 * Connects a socket. To bound the time it takes, submit it with an AbortSignal.
 *
 * With `null` for an address a connection of TCP ends by a reset: what was not sent yet is dropped, and the peer's next read fails with ECONNRESET
 * where a closed socket would have been an end of the stream. A datagram socket takes from anybody again. A Unix socket has no such thing: EINVAL.
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
    this.#address = addressBytes(options.address);
  }

  /** Chooses another socket, and another address where one is given, for the next submission. */
  set(socket: Descriptor, address?: SocketAddress | null): this {
    this.assertIdle();
    this.#socket = descriptorArgument('connect', 'socket', socket);
    if (address !== undefined) this.#address = addressBytes(address);
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

/** `sizeof(sa_family_t)`: as much of an address as `AF_UNSPEC` needs. */
const NO_PEER = new Uint8Array(Uint16Array.of(AddressFamily.UNSPEC).buffer);

function addressBytes(address: SocketAddress | null): Uint8Array {
  return address === null ? NO_PEER : encodeSocketAddress(address);
}
