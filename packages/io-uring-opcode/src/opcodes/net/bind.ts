import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber } from '../../abi.generated.js';
import { descriptorArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { encodeSocketAddress, type SocketAddress } from '../../socket-address.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link Bind}. */
export interface BindOptions {
  /** A socket of the address's family, regular or direct. */
  readonly socket: Descriptor;
  /** The name it gets. */
  readonly address: SocketAddress;
}

/**
 * Gives a socket its address.
 *
 * No result. Errors of note: EADDRINUSE, EACCES (a port below 1024), EADDRNOTAVAIL. Kernel 6.11. bind(2),
 * io_uring_prep_bind(3).
 *
 * @throws {TypeError} `socket` is no descriptor, `address` no address
 * @throws {RangeError} an address that cannot be encoded: see {@link encodeSocketAddress}
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { AddressFamily, Bind, Close, Socket, SocketType } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const socket = await bearer.submit(
 *   new Socket({ family: AddressFamily.INET, type: SocketType.DGRAM }),
 * );
 * await bearer.submit(
 *   new Bind({ socket, address: { family: 'IPv4', address: '127.0.0.1', port: 0 } }),
 * );
 * console.log('bound');
 * await bearer.submit(new Close({ descriptor: socket }));
 * await bearer.close();
 * ```
 */
export class Bind extends OpCode<void> {
  override readonly code = OpNumber.BIND;
  override readonly name = 'BIND';
  override readonly since = '6.11';
  readonly #socket: Descriptor;
  readonly #address: Uint8Array;

  constructor(options: BindOptions) {
    super();
    this.#socket = descriptorArgument('bind', 'socket', options.socket);
    this.#address = encodeSocketAddress(options.address);
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
