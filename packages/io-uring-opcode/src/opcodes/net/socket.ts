import { type Descriptor, TargetFd } from '@ringbearer/io-uring-fd';
import { OpNumber, SocketType } from '../../abi.generated.js';
import { integerArgument, UINT16_MAX } from '../../argument.js';
import { Opening } from '../../opening.js';
import type { Sqe } from '../../sqe.js';
import { targetFlags } from './target-flags.js';

/** Settings of a {@link Socket}. */
export interface SocketOptions {
  /** {@link AddressFamily}: `INET`, `INET6` or `UNIX`. */
  readonly family: number;
  /** {@link SocketType} without its flags: `STREAM`, `DGRAM`, ... */
  readonly type: number;
  /** {@link SocketProtocol}. Default 0: the usual one of family and type. */
  readonly protocol?: number;
  /** Where the descriptor goes. Default {@link TargetFd.raw}. */
  readonly into?: TargetFd;
  /** SOCK_NONBLOCK. Default false: io_uring waits inside the kernel without it, and answers EAGAIN with it. */
  readonly nonBlocking?: boolean;
}

/**
 * Creates a socket. Regular descriptors are close-on-exec.
 *
 * Result: the {@link Descriptor}. Kernel 5.19. socket(2), io_uring_prep_socket(3).
 *
 * @throws {RangeError} a number the field cannot hold
 * @throws {TypeError} a number is missing
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { AddressFamily, Close, Socket, SocketType } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const socket = await bearer.submit(
 *   new Socket({ family: AddressFamily.INET, type: SocketType.STREAM }),
 * );
 * console.log(socket.direct); // false
 * await bearer.submit(new Close({ descriptor: socket }));
 * await bearer.close();
 * ```
 */
export class Socket extends Opening {
  override readonly code = OpNumber.SOCKET;
  override readonly name = 'SOCKET';
  override readonly since = '5.19';
  readonly #family: number;
  readonly #type: number;
  readonly #protocol: number;

  constructor(options: SocketOptions) {
    const { family, type, protocol = 0, into = TargetFd.raw, nonBlocking = false } = options;
    super(into);
    this.#family = integerArgument('create a socket', 'family', family, 0, UINT16_MAX);
    this.#type =
      integerArgument('create a socket', 'type', type, 0, SocketType.NONBLOCK - 1) |
      targetFlags('create a socket', into, nonBlocking);
    this.#protocol = integerArgument('create a socket', 'protocol', protocol, 0, UINT16_MAX);
  }

  override prepare(sqe: Sqe): void {
    sqe.fd(this.#family);
    sqe.offset(this.#type);
    sqe.length(this.#protocol);
    sqe.fileIndex(this.into.fileIndex);
  }
}
