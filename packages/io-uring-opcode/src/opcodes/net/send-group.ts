import type { Descriptor } from '@ringbearer/io-uring-fd';
import { Errno, MessageFlag, OpNumber, RecvSendFlag } from '../../abi.generated.js';
import { descriptorArgument, integerArgument, UINT16_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { type Received, received } from '../../receive-target.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link SendGroup}. */
export interface SendGroupOptions {
  /** A connected socket, regular or direct. */
  readonly socket: Descriptor;
  /** Buffer group, 0 to 65535, whose buffers hold what to send, in this order. A group for each connection. */
  readonly group: number;
  /** Send all that is in the group, as many at once as the kernel sees fit. Default false: the first buffer. */
  readonly bundle?: boolean;
}

/**
 * Sends what is in the buffers of a group, in their order: a queue that is filled while a send is in flight. MSG_NOSIGNAL is
 * always set.
 *
 * Result of each completion: {@link Received}: the bytes sent and the first buffer they were in; of a bundle, the ones behind
 * it in the group follow. An empty group is no error but `length` 0. A bundle may complete several times (`push` or
 * `stream` it). Errors of note: EPIPE, ECONNRESET. Kernel 6.10. send(2), io_uring_prep_send_bundle(3).
 *
 * @throws {TypeError} `socket` is no descriptor
 * @throws {RangeError} `group` is beyond 16 bits
 *
 * @example
 * ```ts
 * import { FixedFd } from '@ringbearer/io-uring-fd';
 * import { dryRun, SendGroup } from '@ringbearer/io-uring-opcode';
 *
 * const send = new SendGroup({ socket: new FixedFd(3), group: 7, bundle: true });
 * console.log(dryRun(send).words[10]); // 7
 * ```
 */
export class SendGroup extends OpCode<Received> {
  override readonly code = OpNumber.SEND;
  override readonly name = 'SEND';
  override readonly since = '6.10';
  override readonly multishot: boolean;
  #socket: Descriptor;
  #group: number;

  constructor(options: SendGroupOptions) {
    super();
    const { socket, group, bundle = false } = options;
    this.#socket = descriptorArgument('send', 'socket', socket);
    this.#group = integerArgument('send', 'group', group, 0, UINT16_MAX);
    this.multishot = bundle;
  }

  /** Chooses socket and group for the next submission. */
  set(socket: Descriptor, group: number = this.#group): this {
    this.assertIdle();
    this.#socket = descriptorArgument('send', 'socket', socket);
    this.#group = integerArgument('send', 'group', group, 0, UINT16_MAX);
    return this;
  }

  override get bufferGroup(): number {
    return this.#group;
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#socket);
    sqe.bufferSelect(this.#group);
    sqe.ioprio(this.multishot ? RecvSendFlag.RECVSEND_BUNDLE : 0);
    // A buffer of which a part was sent is used up: WAITALL makes the kernel go on instead, as it does for bundles by itself.
    sqe.flags(MessageFlag.NOSIGNAL | MessageFlag.WAITALL);
  }

  override complete(cqe: Cqe): Received {
    // And no rearms(): a group that is empty is the end here, not something to wait out.
    if (cqe.res === -Errno.ENOBUFS) return EMPTY;
    this.result(cqe);
    return received(cqe);
  }
}

const EMPTY: Received = { length: 0, bufferId: -1, bufferOffset: 0, socketNonEmpty: false };
