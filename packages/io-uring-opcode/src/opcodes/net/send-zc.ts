import type { Descriptor } from '@ringbearer/io-uring-fd';
import type { RegisteredMemory } from '@ringbearer/io-uring-owner';
import { MessageFlag, OpNumber, RecvSendFlag } from '../../abi.generated.js';
import { descriptorArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { registeredArgument } from '../../registered-range.js';
import { encodeSocketAddress, type SocketAddress } from '../../socket-address.js';
import type { Sqe } from '../../sqe.js';
import { type TransferBytes, TransferSource } from '../../transfer-source.js';

/** Settings of a {@link SendZc}. */
export interface SendZcOptions {
  /** A TCP or UDP socket, regular or direct. */
  readonly socket: Descriptor;
  /** What to send: kernel memory, or an array of the caller's that he leaves alone until the notification. */
  readonly data: TransferBytes;
  /** First byte of `data` to send. Default 0. */
  readonly offset?: number;
  /** Bytes to send. Default: all from `offset`. */
  readonly length?: number;
  /** MSG_WAITALL: the kernel goes on after a short send on a stream. Default true. */
  readonly waitAll?: boolean;
  /** Where a datagram goes. Default: the connected peer. */
  readonly destination?: SocketAddress;
  /** Ask whether the kernel copied after all: {@link SentZc.copied}. Default true. Since 6.2. */
  readonly reportUsage?: boolean;
  /** The registered buffer that `data`, kernel memory then, is in. Its pages need not be looked up. Default none. */
  readonly buffer?: RegisteredMemory;
}

/** What is known of a zero-copy send after one of its completions. */
export interface SentZc {
  /** Bytes sent. */
  readonly length: number;
  /** The notification came: the memory is free. */
  readonly released: boolean;
  /** The kernel copied (loopback, no scatter-gather): a plain {@link Send} is cheaper there. False until `released`. */
  readonly copied: boolean;
}

/**
 * Sends bytes without copying them: the network card reads them where they are. Worth it from some tens of KiB on,
 * never on loopback, and not possible on Unix sockets (EOPNOTSUPP).
 *
 * It completes twice: first with the result and F_MORE, then, once the peer has acknowledged and no packet refers to the
 * memory, with the notification. Errors come with a notification, too. `submit` resolves after the second, so its memory
 * is free then; a handler sees both and tells them apart by `cqe.notification`.
 *
 * Result: {@link SentZc}. Errors of note: EOPNOTSUPP, ENOMEM (locked pages: RLIMIT_MEMLOCK), EPIPE, ECONNRESET.
 * Kernel 6.0, `reportUsage` 6.2. send(2), io_uring_prep_send_zc(3).
 *
 * @throws {TypeError} `socket` is no descriptor, `data` neither kernel memory nor a Uint8Array, or one in spite of `buffer`
 * @throws {RangeError} a range outside of the data or the registered buffer
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { AddressFamily, Close, SendZc, Socket, SocketType } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const socket = await bearer.submit(
 *   new Socket({ family: AddressFamily.INET, type: SocketType.DGRAM }),
 * );
 * const sent = await bearer.submit(
 *   new SendZc({
 *     socket,
 *     data: new Uint8Array(1200),
 *     destination: { family: 'IPv4', address: '127.0.0.1', port: 9 },
 *   }),
 * );
 * console.log(sent); // { length: 1200, released: true, copied: true }: loopback always copies
 * await bearer.submit(new Close({ descriptor: socket }));
 * await bearer.close();
 * ```
 */
export class SendZc extends OpCode<SentZc> {
  override readonly code = OpNumber.SEND_ZC;
  override readonly name = 'SEND_ZC';
  override readonly since: string;
  #socket: Descriptor;
  readonly #source: TransferSource;
  readonly #flags: number;
  readonly #ioprio: number;
  readonly #destination: Uint8Array | null;
  #sent = 0;

  constructor(options: SendZcOptions) {
    super();
    const { socket, data, waitAll = true, destination, reportUsage = true, buffer } = options;
    this.#socket = descriptorArgument('send', 'socket', socket);
    this.#source = new TransferSource(
      buffer === undefined ? null : registeredArgument('send', buffer),
    );
    this.#source.set('send', data, options.offset, options.length);
    this.#flags = MessageFlag.NOSIGNAL | (waitAll ? MessageFlag.WAITALL : 0);
    this.#ioprio =
      (reportUsage ? RecvSendFlag.SEND_ZC_REPORT_USAGE : 0) |
      (buffer === undefined ? 0 : RecvSendFlag.RECVSEND_FIXED_BUF);
    this.#destination = destination === undefined ? null : encodeSocketAddress(destination);
    this.since = reportUsage ? '6.2' : '6.0';
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
    this.#sent = 0;
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

  override complete(cqe: Cqe): SentZc {
    this.#source.assertAttached();
    if (cqe.notification) {
      const copied = (cqe.res & RecvSendFlag.NOTIF_USAGE_ZC_COPIED) !== 0;
      return { length: this.#sent, released: true, copied };
    }
    this.#sent = this.result(cqe);
    return { length: this.#sent, released: !cqe.more, copied: false };
  }
}
