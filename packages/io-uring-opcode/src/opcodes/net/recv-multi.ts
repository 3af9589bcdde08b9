import type { Descriptor } from '@ringbearer/io-uring-fd';
import { Errno, OpNumber, RecvSendFlag } from '../../abi.generated.js';
import { descriptorArgument, integerArgument, UINT16_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { type Received, received } from '../../receive-target.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link RecvMulti}. */
export interface RecvMultiOptions {
  /** A connected socket, regular or direct. */
  readonly socket: Descriptor;
  /** Buffer group, 0 to 65535, filled by a buffer ring or {@link ProvideBuffers}. */
  readonly group: number;
  /** Wait for readiness first instead of trying at once: right when the last completion was not `socketNonEmpty`. */
  readonly pollFirst?: boolean;
  /** Fill several buffers at once where much has arrived: {@link Received} then names the first of a run. Since 6.10. */
  readonly bundle?: boolean;
  /**
   * Ends once at least this many bytes came, from 1 to 2^31 - 1: what a peer can send before anybody had a say. It may exceed it by less than a buffer.
   * Since 6.17. Default: never.
   */
  readonly totalBytes?: number;
}

/**
 * Receives again and again with one submission: for each arrival the kernel picks a buffer of the group, so idle
 * connections hold no memory.
 *
 * Result of each completion: {@link Received}, whose buffer is the receiver's until he gives it back to the group;
 * `length` 0 is the end of the stream and the last completion (`stream` just ends; so does it at an empty datagram). ENOBUFS (no buffer left in the group) ends it without
 * loss: the bytes wait in the socket, and {@link rearms} says to go on once buffers are back. The same goes for a
 * completion queue that ran full. With `bundle`, `length` may exceed a buffer: the ones behind it in the group hold
 * the rest, each full but the last. Errors of note: ECONNRESET. With `totalBytes` the completion
 * that reaches it is the last. Kernel 6.0, `bundle` 6.10, `totalBytes` 6.17 (EINVAL before). recv(2),
 * io_uring_prep_recv_multishot(3).
 *
 * @throws {TypeError} `socket` is no descriptor
 * @throws {RangeError} `group` is beyond 16 bits, `totalBytes` beyond 31
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import {
 *   AddressFamily, Bind, Close, Connect, RecvMulti, Send, Socket, SocketType, type SocketAddress,
 * } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const address: SocketAddress = { family: 'Unix', path: `\0ringbearer-recv-multi-${process.pid}` };
 * const datagrams = { family: AddressFamily.UNIX, type: SocketType.DGRAM };
 * const receiver = await bearer.submit(new Socket(datagrams));
 * const sender = await bearer.submit(new Socket(datagrams));
 * await bearer.submit(new Bind({ socket: receiver, address }));
 * await bearer.submit(new Connect({ socket: sender, address }));
 * for (const text of ['one', 'three']) {
 *   await bearer.submit(new Send({ socket: sender, data: new TextEncoder().encode(text) }));
 * }
 *
 * const buffers = bearer.buffers.ring({ count: 8, bufferBytes: 1024 });
 * let seen = 0;
 * const receive = new RecvMulti({ socket: receiver, group: buffers.group });
 * for await (const { length, bufferId } of bearer.stream(receive)) {
 *   const lease = buffers.lease(bufferId, length);
 *   console.log(lease.toString()); // one, then three
 *   lease.release(); // the kernel may use the buffer again
 *   if (++seen === 2) break;
 * }
 *
 * for (const descriptor of [receiver, sender]) await bearer.submit(new Close({ descriptor }));
 * await bearer.close();
 * ```
 */
export class RecvMulti extends OpCode<Received> {
  override readonly code = OpNumber.RECV;
  override readonly name = 'RECV';
  override readonly since: string;
  override readonly multishot = true;
  #socket: Descriptor;
  #group: number;
  #pollFirst: boolean;
  readonly #bundle: number;
  readonly #totalBytes: number;

  constructor(options: RecvMultiOptions) {
    super();
    const { socket, group, pollFirst = false, bundle = false, totalBytes } = options;
    this.#socket = descriptorArgument('receive', 'socket', socket);
    this.#group = integerArgument('receive', 'group', group, 0, UINT16_MAX);
    this.#pollFirst = pollFirst;
    this.#bundle = bundle ? RecvSendFlag.RECVSEND_BUNDLE : 0;
    this.#totalBytes =
      totalBytes === undefined
        ? 0
        : integerArgument('receive', 'totalBytes', totalBytes, 1, TOTAL_BYTES_MAX);
    this.since = totalBytes !== undefined ? '6.17' : bundle ? '6.10' : '6.0';
  }

  /** Chooses socket and group for the next submission. */
  set(socket: Descriptor, group: number = this.#group): this {
    this.assertIdle();
    this.#socket = descriptorArgument('receive', 'socket', socket);
    this.#group = integerArgument('receive', 'group', group, 0, UINT16_MAX);
    return this;
  }

  /** Whether the next submission waits for readiness first. */
  get pollFirst(): boolean {
    return this.#pollFirst;
  }
  set pollFirst(value: boolean) {
    this.assertIdle();
    this.#pollFirst = value;
  }

  override get wholeBuffers(): boolean {
    return this.#bundle !== 0;
  }
  override get bufferGroup(): number {
    return this.#group;
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#socket);
    sqe.bufferSelect(this.#group);
    sqe.ioprio((this.#pollFirst ? MULTI_POLL_FIRST : MULTI) | this.#bundle);
    if (this.#totalBytes > 0) sqe.fileIndex(this.#totalBytes); // optlen
  }

  override complete(cqe: Cqe): Received {
    this.result(cqe);
    return received(cqe);
  }

  override ends(cqe: Cqe): boolean {
    return cqe.res === 0;
  }

  override rearms(cqe: Cqe): boolean {
    return !cqe.more && (cqe.res > 0 || cqe.res === -Errno.ENOBUFS);
  }
}

const TOTAL_BYTES_MAX = 2 ** 31 - 1;
const MULTI = RecvSendFlag.RECV_MULTISHOT;
const MULTI_POLL_FIRST = RecvSendFlag.RECV_MULTISHOT | RecvSendFlag.RECVSEND_POLL_FIRST;
