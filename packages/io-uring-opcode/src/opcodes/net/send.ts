import type { Descriptor } from '@ringbearer/io-uring-fd';
import { MessageFlag, OpNumber, RecvSendFlag } from '../../abi.generated.js';
import { descriptorArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { encodeSocketAddress, type SocketAddress } from '../../socket-address.js';
import type { Sqe } from '../../sqe.js';
import { type TransferBytes, TransferSource } from '../../transfer-source.js';

/** Settings of a {@link Send}. */
export interface SendOptions {
  /** A socket, regular or direct. */
  readonly socket: Descriptor;
  /** What to send: kernel memory, or an array of the caller's that he leaves alone until the completion. */
  readonly data: TransferBytes;
  /** First byte of `data` to send. Default 0. */
  readonly offset?: number;
  /** Bytes to send. Default: all from `offset`. */
  readonly length?: number;
  /** MSG_WAITALL: the kernel goes on after a short send on a stream, so that one completion means all. Default true. */
  readonly waitAll?: boolean;
  /** MSG_MORE: more follows at once, the kernel may hold a small packet back. Default false. */
  readonly more?: boolean;
  /** Wait for room in the socket first instead of trying at once. Default false. Since 5.19. */
  readonly pollFirst?: boolean;
  /** Where a datagram goes: sendto(2). Default: the connected peer. Since 6.2. */
  readonly destination?: SocketAddress;
}

/**
 * Sends bytes. MSG_NOSIGNAL is always set: a peer that is gone is EPIPE, never a signal. One send per stream socket at a
 * time keeps their order.
 *
 * Result: bytes sent, which may be fewer after a cancellation or without `waitAll`. Errors of note: EPIPE, ECONNRESET,
 * EAGAIN (memory pressure on a non-blocking socket). Kernel 5.6. send(2), io_uring_prep_send(3).
 *
 * @throws {TypeError} `socket` is no descriptor, `data` neither kernel memory nor a Uint8Array
 * @throws {RangeError} a range outside of the data
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { AddressFamily, Bind, Close, Connect, Send, Socket, SocketType } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const address = { family: 'Unix', path: `\0ringbearer-send-${process.pid}` } as const;
 * const datagrams = { family: AddressFamily.UNIX, type: SocketType.DGRAM };
 * const receiver = await bearer.submit(new Socket(datagrams));
 * const sender = await bearer.submit(new Socket(datagrams));
 * await bearer.submit(new Bind({ socket: receiver, address }));
 * await bearer.submit(new Connect({ socket: sender, address }));
 *
 * const send = new Send({ socket: sender, data: new TextEncoder().encode('hello') });
 * console.log(await bearer.submit(send)); // 5
 * console.log(await bearer.submit(send.set(new Uint8Array(100), 0, 10))); // 10
 *
 * for (const descriptor of [receiver, sender]) await bearer.submit(new Close({ descriptor }));
 * await bearer.close();
 * ```
 */
export class Send extends OpCode<number> {
  override readonly code = OpNumber.SEND;
  override readonly name = 'SEND';
  override readonly since: string;
  #socket: Descriptor;
  readonly #source = new TransferSource();
  readonly #flags: number;
  readonly #ioprio: number;
  readonly #destination: Uint8Array | null;

  constructor(options: SendOptions) {
    super();
    const { socket, data, waitAll = true, more = false, pollFirst = false, destination } = options;
    this.#socket = descriptorArgument('send', 'socket', socket);
    this.#source.set('send', data, options.offset, options.length);
    this.#flags =
      MessageFlag.NOSIGNAL | (waitAll ? MessageFlag.WAITALL : 0) | (more ? MessageFlag.MORE : 0);
    this.#ioprio = pollFirst ? RecvSendFlag.RECVSEND_POLL_FIRST : 0;
    this.#destination = destination === undefined ? null : encodeSocketAddress(destination);
    this.since = this.#destination !== null ? '6.2' : pollFirst ? '5.19' : '5.6';
  }

  /** Chooses other bytes for the next submission. */
  set(data: TransferBytes, offset?: number, length?: number): this {
    this.assertIdle();
    this.#source.set('send', data, offset, length);
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
    if (this.#destination !== null) {
      sqe.record.setBytes(0, this.#destination);
      sqe.recordAddress2(0);
      sqe.fileIndex(this.#destination.length); // addr_len: the low half of that word
    }
  }

  override complete(cqe: Cqe): number {
    this.#source.assertAttached();
    return this.result(cqe);
  }
}
