import type { Descriptor } from '@ringbearer/io-uring-fd';
import { Errno, MessageFlag, OpNumber, RecvSendFlag } from '../../abi.generated.js';
import { descriptorArgument, integerArgument, UINT16_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { type Received, received } from '../../receive-target.js';
import {
  decodeSocketAddress,
  SOCKET_ADDRESS_BYTES,
  type SocketAddress,
} from '../../socket-address.js';
import type { Sqe } from '../../sqe.js';
import { MESSAGE_HEADER_BYTES, MessageHeader } from './message-header.js';

/** Settings of a {@link RecvMsgMulti}. */
export interface RecvMsgMultiOptions {
  /** A datagram socket, regular or direct. */
  readonly socket: Descriptor;
  /** Buffer group, 0 to 65535. Its buffers must be longer than {@link RecvMsgMulti.headerBytes}. */
  readonly group: number;
  /** Ask whom each is from. Default true. */
  readonly peer?: boolean;
  /**
   * Bytes for control messages in front of each payload, up to 4096. Default 0. Descriptors that arrive in them are open and
   * yours: a program that asks for them must look at every message.
   */
  readonly controlBytes?: number;
  /** Wait for readiness first instead of trying at once. Default false. */
  readonly pollFirst?: boolean;
}

/** What {@link RecvMsgMulti.message} finds in a buffer. */
export interface BufferedMessage {
  /** Whom it is from; null when nobody asked, or for a family of no name. */
  readonly peer: SocketAddress | null;
  /** The bytes, where they are: a view of the buffer. */
  readonly payload: Uint8Array;
  /** Control messages, raw: a view of the buffer. `decodeRights` finds descriptors in them. */
  readonly control: Uint8Array;
  /** It was longer than there was room: the rest is gone. */
  readonly truncated: boolean;
  /** There were more control messages than there was room. */
  readonly controlTruncated: boolean;
}

/** `sizeof(struct io_uring_recvmsg_out)`: four 32-bit words. */
const OUT_BYTES = 16;
const CONTROL_BYTES_MAX = 4096;

/**
 * Receives message after message with one submission, each into a buffer of the group, with its sender: the way to serve UDP.
 *
 * The kernel writes a header, the address and control messages in front of the bytes; {@link message} takes the buffer
 * apart without copying the payload.
 *
 * Result of each completion: {@link Received}. ENOBUFS ends it without loss, and {@link rearms} says to go on. Errors of
 * note: EFAULT (buffers shorter than {@link headerBytes}). Kernel 6.0. recvmsg(2), io_uring_prep_recvmsg_multishot(3),
 * io_uring_recvmsg_out(3).
 *
 * @throws {TypeError} `socket` is no descriptor
 * @throws {RangeError} `group` is beyond 16 bits, `controlBytes` beyond 4096
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import {
 *   AddressFamily, Bind, Close, RecvMsgMulti, Send, Socket, SocketType,
 * } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const datagrams = { family: AddressFamily.UNIX, type: SocketType.DGRAM };
 * const receiver = await bearer.submit(new Socket(datagrams));
 * const sender = await bearer.submit(new Socket(datagrams));
 * const name = (who: string) => ({ family: 'Unix', path: `\0${who}-${process.pid}` }) as const;
 * await bearer.submit(new Bind({ socket: receiver, address: name('receiver') }));
 * await bearer.submit(new Bind({ socket: sender, address: name('sender') }));
 * const data = new TextEncoder().encode('hello');
 * await bearer.submit(new Send({ socket: sender, data, destination: name('receiver') }));
 *
 * const buffers = bearer.buffers.ring({ count: 8, bufferBytes: 2048 });
 * const receive = new RecvMsgMulti({ socket: receiver, group: buffers.group });
 * for await (const { length, bufferId } of bearer.stream(receive)) {
 *   const lease = buffers.lease(bufferId, length);
 *   const { peer, payload } = receive.message(lease.toBytes());
 *   console.log(peer?.family, new TextDecoder().decode(payload)); // Unix hello
 *   lease.release();
 *   break;
 * }
 * for (const descriptor of [receiver, sender]) await bearer.submit(new Close({ descriptor }));
 * await bearer.close();
 * ```
 */
export class RecvMsgMulti extends OpCode<Received> {
  override readonly code = OpNumber.RECVMSG;
  override readonly name = 'RECVMSG';
  override readonly since = '6.0';
  override readonly multishot = true;
  /** Bytes of a buffer that are in front of the payload. */
  readonly headerBytes: number;
  #socket: Descriptor;
  #group: number;
  readonly #nameBytes: number;
  readonly #controlBytes: number;
  readonly #ioprio: number;

  constructor(options: RecvMsgMultiOptions) {
    super();
    const { socket, group, peer = true, controlBytes = 0, pollFirst = false } = options;
    this.#socket = descriptorArgument('receive', 'socket', socket);
    this.#group = integerArgument('receive', 'group', group, 0, UINT16_MAX);
    this.#nameBytes = peer ? SOCKET_ADDRESS_BYTES : 0;
    this.#controlBytes = integerArgument(
      'receive',
      'controlBytes',
      controlBytes,
      0,
      CONTROL_BYTES_MAX,
    );
    this.headerBytes = OUT_BYTES + this.#nameBytes + this.#controlBytes;
    this.#ioprio = RecvSendFlag.RECV_MULTISHOT | (pollFirst ? RecvSendFlag.RECVSEND_POLL_FIRST : 0);
  }

  /** Chooses socket and group for the next submission. */
  set(socket: Descriptor, group: number = this.#group): this {
    this.assertIdle();
    this.#socket = descriptorArgument('receive', 'socket', socket);
    this.#group = integerArgument('receive', 'group', group, 0, UINT16_MAX);
    return this;
  }

  /**
   * Takes a received buffer apart.
   *
   * @param bytes the first `length` bytes of the buffer, as the completion said
   * @throws {RangeError} fewer bytes than a header: not a buffer of this operation
   */
  message(bytes: Uint8Array): BufferedMessage {
    if (bytes.length < this.headerBytes) {
      throw new RangeError(
        `Cannot read a message as it must be at least ${this.headerBytes} bytes long: current value is ${bytes.length}`,
      );
    }
    const out = new DataView(bytes.buffer, bytes.byteOffset, OUT_BYTES);
    const nameBytes = Math.min(out.getUint32(0, true), this.#nameBytes);
    const controlBytes = Math.min(out.getUint32(4, true), this.#controlBytes);
    const flags = out.getUint32(12, true);
    const controlAt = OUT_BYTES + this.#nameBytes;
    return {
      peer:
        nameBytes === 0
          ? null
          : decodeSocketAddress(bytes.subarray(OUT_BYTES, OUT_BYTES + nameBytes)),
      payload: bytes.subarray(this.headerBytes),
      control: bytes.subarray(controlAt, controlAt + controlBytes),
      truncated: (flags & MessageFlag.TRUNC) !== 0,
      controlTruncated: (flags & MessageFlag.CTRUNC) !== 0,
    };
  }

  override get wholeBuffers(): boolean {
    return true;
  }
  override get bufferGroup(): number {
    return this.#group;
  }

  override prepare(sqe: Sqe): void {
    // Only the two lengths of the header mean something here.
    sqe.record.clear(0, MESSAGE_HEADER_BYTES);
    sqe.record.setUint32(MessageHeader.NAME_LENGTH, this.#nameBytes);
    sqe.record.setUint32(MessageHeader.CONTROL_LENGTH, this.#controlBytes);
    sqe.descriptor(this.#socket);
    sqe.bufferSelect(this.#group);
    sqe.recordAddress(0);
    sqe.length(1);
    sqe.ioprio(this.#ioprio);
    sqe.flags(MessageFlag.CMSG_CLOEXEC);
  }

  override complete(cqe: Cqe): Received {
    this.result(cqe);
    return received(cqe);
  }

  override rearms(cqe: Cqe): boolean {
    return !cqe.more && (cqe.res > 0 || cqe.res === -Errno.ENOBUFS);
  }
}
