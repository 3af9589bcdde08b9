import type { Descriptor } from '@ringbearer/io-uring-fd';
import { MessageFlag, OpNumber, RecvSendFlag } from '../../abi.generated.js';
import { descriptorArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';
import type { GatherPart } from '../../vector.js';
import { type MessageOptions, MessageSource } from './message-source.js';

/** Settings of a {@link SendMsg}. */
export interface SendMsgOptions extends MessageOptions {
  /** A socket, regular or direct. */
  readonly socket: Descriptor;
  /** MSG_WAITALL: the kernel goes on after a short send on a stream, so that one completion means all. Default true. */
  readonly waitAll?: boolean;
  /** MSG_MORE: more follows at once, the kernel may hold a small packet back. Default false. */
  readonly more?: boolean;
  /** Wait for room in the socket first instead of trying at once. Default false. Since 5.19. */
  readonly pollFirst?: boolean;
}

/**
 * Sends several pieces of bytes at once, to an address, and with descriptors where the socket is a Unix one. MSG_NOSIGNAL is
 * always set.
 *
 * Result: bytes sent, which may be fewer after a cancellation or without `waitAll`. Errors of note: EPIPE, ECONNRESET,
 * EMSGSIZE (a datagram that is too long), EBADF (a descriptor to pass is none), ETOOMANYREFS. Kernel 5.3. sendmsg(2),
 * unix(7), io_uring_prep_sendmsg(3).
 *
 * @throws {TypeError} `socket` is no descriptor, a part neither kernel memory nor a Uint8Array, a direct descriptor to pass
 * @throws {RangeError} no parts or more than 1024, a part outside of its memory, more than 253 descriptors
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { AddressFamily, Close, SendMsg, Socket, SocketType } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const socket = await bearer.submit(
 *   new Socket({ family: AddressFamily.INET, type: SocketType.DGRAM }),
 * );
 * const send = new SendMsg({
 *   socket,
 *   data: [new Uint8Array(4), new Uint8Array(6)],
 *   destination: { family: 'IPv4', address: '127.0.0.1', port: 9 },
 * });
 * console.log(await bearer.submit(send)); // 10
 * await bearer.submit(new Close({ descriptor: socket }));
 * await bearer.close();
 * ```
 */
export class SendMsg extends OpCode<number> {
  override readonly code = OpNumber.SENDMSG;
  override readonly name = 'SENDMSG';
  override readonly since: string;
  #socket: Descriptor;
  readonly #source: MessageSource;
  readonly #flags: number;
  readonly #ioprio: number;

  constructor(options: SendMsgOptions) {
    super();
    const { socket, waitAll = true, more = false, pollFirst = false } = options;
    this.#socket = descriptorArgument('send', 'socket', socket);
    this.#source = new MessageSource(options);
    this.#flags =
      MessageFlag.NOSIGNAL | (waitAll ? MessageFlag.WAITALL : 0) | (more ? MessageFlag.MORE : 0);
    this.#ioprio = pollFirst ? RecvSendFlag.RECVSEND_POLL_FIRST : 0;
    this.since = pollFirst ? '5.19' : '5.3';
  }

  /** Chooses other bytes for the next submission. */
  set(data: readonly GatherPart[]): this {
    this.assertIdle();
    this.#source.set(data);
    return this;
  }

  /** Chooses another socket for the next submission. */
  setSocket(socket: Descriptor): this {
    this.assertIdle();
    this.#socket = descriptorArgument('send', 'socket', socket);
    return this;
  }

  override acquire(): void {
    this.#source.acquire();
  }
  override release(): void {
    this.#source.release();
  }
  override rollback(): void {
    this.#source.rollback();
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#socket);
    this.#source.prepare(sqe);
    sqe.ioprio(this.#ioprio);
    sqe.flags(this.#flags);
  }

  override complete(cqe: Cqe): number {
    this.#source.assertAttached();
    return this.result(cqe);
  }
}
