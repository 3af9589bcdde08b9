import type { Descriptor } from '@ringbearer/io-uring-fd';
import type { RegisteredMemory } from '@ringbearer/io-uring-owner';
import { MessageFlag, OpNumber, RecvSendFlag } from '../../abi.generated.js';
import { descriptorArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { registeredArgument } from '../../registered-range.js';
import type { Sqe } from '../../sqe.js';
import type { GatherPart } from '../../vector.js';
import { type MessageOptions, MessageSource } from './message-source.js';
import type { SentZc } from './send-zc.js';

/** Settings of a {@link SendMsgZc}. */
export interface SendMsgZcOptions extends MessageOptions {
  /** A TCP or UDP socket, regular or direct. */
  readonly socket: Descriptor;
  /** MSG_WAITALL: the kernel goes on after a short send on a stream. Default true. */
  readonly waitAll?: boolean;
  /** Ask whether the kernel copied after all: {@link SentZc.copied}. Default true. Since 6.2. */
  readonly reportUsage?: boolean;
  /**
   * The registered buffer that all parts, kernel memory then, are in. Its pages need not be looked up. Default none. Since 6.15; older
   * kernels answer EINVAL.
   */
  readonly buffer?: RegisteredMemory;
}

/**
 * Sends several pieces of bytes without copying them: {@link SendMsg} as {@link SendZc}, with the two completions of
 * that. `submit` resolves after the notification, so all memory is free then.
 *
 * Result: {@link SentZc}. Errors of note: EOPNOTSUPP (a Unix socket), ENOMEM (locked pages: RLIMIT_MEMLOCK), EPIPE. Kernel
 * 6.1, `reportUsage` 6.2, `buffer` 6.15. sendmsg(2), io_uring_prep_sendmsg_zc(3).
 *
 * @throws {TypeError} `socket` is no descriptor, a part neither kernel memory nor a Uint8Array, or one in spite of `buffer`
 * @throws {RangeError} no parts or more than 1024, a part outside of its memory or of the registered buffer
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { AddressFamily, Close, SendMsgZc, Socket, SocketType } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const socket = await bearer.submit(
 *   new Socket({ family: AddressFamily.INET, type: SocketType.DGRAM }),
 * );
 * const send = new SendMsgZc({
 *   socket,
 *   data: [new Uint8Array(100), new Uint8Array(1100)],
 *   destination: { family: 'IPv4', address: '127.0.0.1', port: 9 },
 * });
 * console.log(await bearer.submit(send)); // { length: 1200, released: true, copied: true }
 * await bearer.submit(new Close({ descriptor: socket }));
 * await bearer.close();
 * ```
 */
export class SendMsgZc extends OpCode<SentZc> {
  override readonly code = OpNumber.SENDMSG_ZC;
  override readonly name = 'SENDMSG_ZC';
  override readonly since: string;
  readonly #socket: Descriptor;
  readonly #source: MessageSource;
  readonly #flags: number;
  readonly #ioprio: number;
  #sent = 0;

  constructor(options: SendMsgZcOptions) {
    super();
    const { socket, waitAll = true, reportUsage = true, buffer } = options;
    this.#socket = descriptorArgument('send', 'socket', socket);
    this.#source = new MessageSource(
      options,
      buffer === undefined ? null : registeredArgument('send', buffer),
    );
    this.#flags = MessageFlag.NOSIGNAL | (waitAll ? MessageFlag.WAITALL : 0);
    this.#ioprio =
      (reportUsage ? RecvSendFlag.SEND_ZC_REPORT_USAGE : 0) |
      (buffer === undefined ? 0 : RecvSendFlag.RECVSEND_FIXED_BUF);
    this.since = buffer === undefined ? (reportUsage ? '6.2' : '6.1') : '6.15';
  }

  /** Chooses other bytes for the next submission. */
  set(data: readonly GatherPart[]): this {
    this.assertIdle();
    this.#source.set(data);
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
