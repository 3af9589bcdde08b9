import { type Descriptor, TargetFd } from '@ringbearer/io-uring-fd';
import { OpNumber } from '../../abi.generated.js';
import { descriptorArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { descriptorHint } from '../../descriptor-hint.js';
import { OpCode } from '../../opcode.js';
import {
  decodeSocketAddress,
  SOCKET_ADDRESS_BYTES,
  type SocketAddress,
} from '../../socket-address.js';
import type { Sqe } from '../../sqe.js';
import { Close } from '../file/close.js';
import { targetFlags } from './target-flags.js';

/** Settings of an {@link Accept}. */
export interface AcceptOptions {
  /** A listening socket. */
  readonly listener: Descriptor;
  /** Where the connection's descriptor goes. Default {@link TargetFd.raw}. */
  readonly into?: TargetFd;
  /** Ask for the peer's address. Default true. */
  readonly peer?: boolean;
  /** SOCK_NONBLOCK for the connection. Default false: io_uring waits inside the kernel without it. */
  readonly nonBlocking?: boolean;
}

/** A connection that arrived. */
export interface Accepted {
  /** The connection. */
  readonly descriptor: Descriptor;
  /** Who connected; null when not asked for, or of a family other than IPv4, IPv6 and Unix. */
  readonly peer: SocketAddress | null;
}

// In the record: struct sockaddr_storage, then socklen_t.
const ADDRESS = 0;
const ADDRESS_LENGTH = SOCKET_ADDRESS_BYTES;

/**
 * Accepts one connection and says who it is from: IPv4, IPv6 or Unix. Regular descriptors are close-on-exec.
 *
 * The kernel writes the address into the operation's record, so a completion that arrives after a cancellation touches
 * nobody's memory; the connection it carries is closed ({@link discard}).
 *
 * Result: {@link Accepted}. Errors of note: EMFILE and ENFILE (no descriptor, or no direct slot, left: back off),
 * ECONNABORTED (the peer was gone first: accept again), EINVAL (not listening). Kernel 5.5, into a direct slot 5.15,
 * into a slot the kernel chooses 5.19. accept4(2), io_uring_prep_accept(3).
 *
 * @throws {TypeError} `listener` is no descriptor, `into` no TargetFd
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Accept, AddressFamily, Close, Connect, Socket, SocketType } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const listener = bearer.listen({ address: '127.0.0.1', port: 0 });
 * const client = await bearer.submit(
 *   new Socket({ family: AddressFamily.INET, type: SocketType.STREAM }),
 * );
 * const [accepted] = await Promise.all([
 *   bearer.submit(new Accept({ listener: listener.descriptor })),
 *   bearer.submit(new Connect({ socket: client, address: listener.address })),
 * ]);
 * console.log(accepted.peer); // { family: 'IPv4', address: '127.0.0.1', port: 54321 }
 *
 * for (const descriptor of [accepted.descriptor, client]) {
 *   await bearer.submit(new Close({ descriptor }));
 * }
 * await listener.close();
 * await bearer.close();
 * ```
 */
export class Accept extends OpCode<Accepted> {
  override readonly code = OpNumber.ACCEPT;
  override readonly name = 'ACCEPT';
  override readonly since: string;
  readonly #listener: Descriptor;
  readonly #into: TargetFd;
  readonly #peer: boolean;
  readonly #flags: number;

  constructor(options: AcceptOptions) {
    super();
    const { listener, into = TargetFd.raw, peer = true, nonBlocking = false } = options;
    this.#listener = descriptorArgument('accept', 'listener', listener);
    this.#flags = targetFlags('accept', into, nonBlocking);
    this.#into = into;
    this.#peer = peer;
    this.since = into.automatic ? '5.19' : into.direct ? '5.15' : '5.5';
  }

  override release(final?: Cqe): void {
    final?.opened(this.#into);
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#listener);
    if (this.#peer) {
      sqe.record.setUint32(ADDRESS_LENGTH, SOCKET_ADDRESS_BYTES);
      sqe.recordAddress(ADDRESS);
      sqe.recordAddress2(ADDRESS_LENGTH);
    }
    sqe.flags(this.#flags);
    sqe.fileIndex(this.#into.fileIndex);
  }

  override complete(cqe: Cqe): Accepted {
    const descriptor = this.#into.descriptor(this.result(cqe));
    if (!this.#peer) return { descriptor, peer: null };
    // The kernel reports the length the address has, which may exceed what it could write.
    const length = Math.min(cqe.record.getUint32(ADDRESS_LENGTH), SOCKET_ADDRESS_BYTES);
    return { descriptor, peer: decodeSocketAddress(cqe.record.copyBytes(ADDRESS, length)) };
  }

  protected override hint(errno: number): string {
    return descriptorHint(errno, this.#into);
  }

  override discard(cqe: Cqe): Close | null {
    return cqe.res < 0 ? null : new Close({ descriptor: this.#into.descriptor(cqe.res) });
  }

  override discardResult({ descriptor }: Accepted): Close {
    return new Close({ descriptor });
  }
}
