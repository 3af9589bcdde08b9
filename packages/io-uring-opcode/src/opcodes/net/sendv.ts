import type { Descriptor } from '@ringbearer/io-uring-fd';
import { MessageFlag, OpNumber, RecvSendFlag } from '../../abi.generated.js';
import { descriptorArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';
import { type GatherPart, Vector } from '../../vector.js';

/** Settings of a {@link Sendv}. */
export interface SendvOptions {
  /** A connected socket, regular or direct. */
  readonly socket: Descriptor;
  /** What to send, one part after the other: 1 to 1024. Up to 16 need nothing beside the record. */
  readonly data: readonly GatherPart[];
  /** MSG_WAITALL: the kernel goes on after a short send on a stream, so that one completion means all. Default true. */
  readonly waitAll?: boolean;
  /** MSG_MORE: more follows at once, the kernel may hold a small packet back. Default false. */
  readonly more?: boolean;
}

/**
 * Sends several pieces of bytes as if they were one: head and body of a response in one operation, without the header of
 * {@link SendMsg}. MSG_NOSIGNAL is always set.
 *
 * Result: bytes sent. Errors of note: EPIPE, ECONNRESET; EINVAL on kernels that do not know the vectorized SEND, where
 * {@link SendMsg} does the same. Kernel 6.17. send(2), IORING_SEND_VECTORIZED of io_uring_prep_send(3).
 *
 * @throws {TypeError} `socket` is no descriptor, a part neither kernel memory nor a Uint8Array
 * @throws {RangeError} no parts or more than 1024, a part outside of its memory
 *
 * @example
 * ```ts
 * import { FixedFd } from '@ringbearer/io-uring-fd';
 * import { dryRun, Sendv } from '@ringbearer/io-uring-opcode';
 *
 * const [head, body] = ['length: 2\n\n', 'hi'].map((text) => new TextEncoder().encode(text));
 * const send = new Sendv({ socket: new FixedFd(3), data: [head!, body!] });
 * console.log(dryRun(send).words[6]); // 2: parts
 * ```
 */
export class Sendv extends OpCode<number> {
  override readonly code = OpNumber.SEND;
  override readonly name = 'SEND';
  override readonly since = '6.17';
  #socket: Descriptor;
  readonly #vector = new Vector();
  readonly #flags: number;

  constructor(options: SendvOptions) {
    super();
    const { socket, data, waitAll = true, more = false } = options;
    this.#socket = descriptorArgument('send', 'socket', socket);
    this.#vector.set('send', 'data', data, false);
    this.#flags =
      MessageFlag.NOSIGNAL | (waitAll ? MessageFlag.WAITALL : 0) | (more ? MessageFlag.MORE : 0);
  }

  /** Chooses other bytes for the next submission. */
  set(data: readonly GatherPart[]): this {
    this.assertIdle();
    this.#vector.set('send', 'data', data, false);
    return this;
  }

  /** Chooses another socket for the next submission. */
  setSocket(socket: Descriptor): this {
    this.assertIdle();
    this.#socket = descriptorArgument('send', 'socket', socket);
    return this;
  }

  override acquire(): void {
    this.#vector.acquire();
  }
  override release(): void {
    this.#vector.release();
  }
  override rollback(): void {
    this.#vector.rollback();
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#socket);
    this.#vector.prepare(sqe);
    sqe.ioprio(RecvSendFlag.SEND_VECTORIZED);
    sqe.flags(this.#flags);
  }

  override complete(cqe: Cqe): number {
    this.#vector.assertAttached();
    return this.result(cqe);
  }
}
