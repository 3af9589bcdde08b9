import type { Descriptor, RawFd } from '@ringbearer/io-uring-fd';
import { MessageFlag, OpNumber, RecvSendFlag } from '../../abi.generated.js';
import { descriptorArgument, integerArgument, UINT16_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { RECORD_BYTES } from '../../record-memory.js';
import {
  decodeSocketAddress,
  SOCKET_ADDRESS_BYTES,
  type SocketAddress,
} from '../../socket-address.js';
import type { Sqe } from '../../sqe.js';
import { type ScatterPart, Vector } from '../../vector.js';
import {
  aligned,
  decodeRights,
  MESSAGE_DESCRIPTORS_MAX,
  MESSAGE_HEADER_BYTES,
  MessageHeader,
  pointTo,
  rightsBytes,
} from './message-header.js';

/** Settings of a {@link RecvMsg}: a socket, and either memory of its own or a buffer group. */
export type RecvMsgOptions = (
  | {
      /** Where the bytes go, one part after the other: 1 to 1024. */
      readonly memory: readonly ScatterPart[];
      /** Not in this form. */
      readonly group?: never;
    }
  | {
      /** Buffer group, 0 to 65535, from which the kernel picks a buffer. */
      readonly group: number;
      /** Not in this form. */
      readonly memory?: never;
    }
) & {
  /** A socket, regular or direct. */
  readonly socket: Descriptor;
  /** Ask whom it is from. Default true. */
  readonly peer?: boolean;
  /** Descriptors to take at most: 14, or 46 without `peer`. More are closed by the kernel. Default 0. */
  readonly descriptorsMax?: number;
  /** Bytes for control messages, at most 72, or 200 without `peer`. Default: what `descriptorsMax` needs. */
  readonly controlBytes?: number;
  /** MSG_WAITALL: complete only when the memory is full, at the end of the stream or on an error. Default false. */
  readonly waitAll?: boolean;
  /** MSG_PEEK: leave the message in the socket. Default false. */
  readonly peek?: boolean;
  /** Wait for readiness first instead of trying at once. Default false. Since 5.19. */
  readonly pollFirst?: boolean;
};

/** One message. */
export interface ReceivedMessage {
  /** Bytes there are. 0 at the end of a stream, or for an empty datagram. */
  readonly length: number;
  /** The provided buffer they are in, or -1: the operation's own memory. */
  readonly bufferId: number;
  /** Whom it is from; null when nobody asked, on connected streams, and for a family of no name. */
  readonly peer: SocketAddress | null;
  /** Descriptors that came along: yours to close. They are close-on-exec. */
  readonly descriptors: readonly RawFd[];
  /** All control messages, raw: cmsg(3). */
  readonly control: Uint8Array;
  /** The datagram was longer than there was room: the rest is gone. */
  readonly truncated: boolean;
  /** There were more control messages than there was room: descriptors among them are closed. */
  readonly controlTruncated: boolean;
}

const NAME = MESSAGE_HEADER_BYTES;

/**
 * Receives one message with what belongs to it: whom it is from, and descriptors that were passed. Header, address and control
 * messages are in the operation's record.
 *
 * Result: {@link ReceivedMessage}. Errors of note: ECONNRESET, EMFILE (no room for a descriptor), ENOBUFS (the group is
 * empty). Kernel 5.3, buffer groups 5.7. recvmsg(2), io_uring_prep_recvmsg(3).
 *
 * @throws {TypeError} `socket` is no descriptor, a part no kernel memory
 * @throws {RangeError} no parts or more than 1024, a part outside of its memory, more control bytes than the record holds
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import {
 *   AddressFamily, Bind, Close, RecvMsg, SendMsg, Socket, SocketType,
 * } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const destination = { family: 'Unix', path: `\0ringbearer-recv-msg-${process.pid}` } as const;
 * const datagrams = { family: AddressFamily.UNIX, type: SocketType.DGRAM };
 * const receiver = await bearer.submit(new Socket(datagrams));
 * const sender = await bearer.submit(new Socket(datagrams));
 * await bearer.submit(new Bind({ socket: receiver, address: destination }));
 * await bearer.submit(
 *   new SendMsg({
 *     socket: sender,
 *     destination,
 *     data: [new TextEncoder().encode('take this')],
 *     descriptors: [sender],
 *   }),
 * );
 *
 * const memory = bearer.allocate(64);
 * const { length, descriptors } = await bearer.submit(
 *   new RecvMsg({ socket: receiver, memory: [memory], descriptorsMax: 1 }),
 * );
 * console.log(memory.toString('utf8', 0, length), descriptors.length); // take this 1
 * memory.release();
 * for (const descriptor of [receiver, sender, ...descriptors]) {
 *   await bearer.submit(new Close({ descriptor }));
 * }
 * await bearer.close();
 * ```
 */
export class RecvMsg extends OpCode<ReceivedMessage> {
  override readonly code = OpNumber.RECVMSG;
  override readonly name = 'RECVMSG';
  override readonly since: string;
  #socket: Descriptor;
  readonly #vector: Vector | null;
  readonly #group: number;
  readonly #nameBytes: number;
  readonly #controlBytes: number;
  readonly #flags: number;
  readonly #ioprio: number;

  constructor(options: RecvMsgOptions) {
    super();
    const { socket, memory, group, peer = true, descriptorsMax = 0, controlBytes } = options;
    const { waitAll = false, peek = false, pollFirst = false } = options;
    this.#socket = descriptorArgument('receive', 'socket', socket);
    if (group === undefined) {
      this.#vector = new Vector();
      this.#vector.set('receive', 'memory', memory!, true);
      this.#group = -1;
    } else {
      this.#vector = null;
      this.#group = integerArgument('receive', 'group', group, 0, UINT16_MAX);
    }
    this.#nameBytes = peer ? SOCKET_ADDRESS_BYTES : 0;
    integerArgument('receive', 'descriptorsMax', descriptorsMax, 0, MESSAGE_DESCRIPTORS_MAX);
    this.#controlBytes = integerArgument(
      'receive',
      'controlBytes',
      controlBytes ?? rightsBytes(descriptorsMax),
      rightsBytes(descriptorsMax),
      RECORD_BYTES - NAME - this.#nameBytes,
    );
    this.#flags =
      MessageFlag.CMSG_CLOEXEC |
      (waitAll ? MessageFlag.WAITALL : 0) |
      (peek ? MessageFlag.PEEK : 0);
    this.#ioprio = pollFirst ? RecvSendFlag.RECVSEND_POLL_FIRST : 0;
    this.since = pollFirst ? '5.19' : group === undefined ? '5.3' : '5.7';
  }

  /** Chooses other memory for the next submission. Not with a group. */
  set(memory: readonly ScatterPart[]): this {
    this.assertIdle();
    if (this.#vector === null) throw new TypeError('Cannot choose memory as a group was given');
    this.#vector.set('receive', 'memory', memory, true);
    return this;
  }

  /** Chooses another socket for the next submission. */
  setSocket(socket: Descriptor): this {
    this.assertIdle();
    this.#socket = descriptorArgument('receive', 'socket', socket);
    return this;
  }

  override get wholeBuffers(): boolean {
    return true;
  }
  override get bufferGroup(): number {
    return this.#group;
  }

  override acquire(): void {
    this.#vector?.acquire();
  }
  override release(): void {
    this.#vector?.release();
  }
  override rollback(): void {
    this.#vector?.rollback();
  }

  override prepare(sqe: Sqe): void {
    const { record } = sqe;
    record.clear(0, MESSAGE_HEADER_BYTES);
    if (this.#nameBytes > 0) {
      pointTo(record, MessageHeader.NAME, NAME, MessageHeader.NAME_LENGTH, this.#nameBytes);
    }
    const control = NAME + this.#nameBytes;
    if (this.#controlBytes > 0) {
      pointTo(
        record,
        MessageHeader.CONTROL,
        control,
        MessageHeader.CONTROL_LENGTH,
        this.#controlBytes,
      );
    }
    sqe.descriptor(this.#socket);
    if (this.#vector === null) {
      sqe.bufferSelect(this.#group);
    } else {
      const free = aligned(control + this.#controlBytes);
      this.#vector.writeInto(sqe, free, MessageHeader.VECTOR);
      record.setUint64(MessageHeader.VECTOR_COUNT, this.#vector.count, 0);
    }
    sqe.recordAddress(0);
    sqe.length(1);
    sqe.ioprio(this.#ioprio);
    sqe.flags(this.#flags);
  }

  override complete(cqe: Cqe): ReceivedMessage {
    const length = this.result(cqe);
    const { record } = cqe;
    const flags = record.getUint32(MessageHeader.FLAGS);
    // The kernel reports the length the address has, which may exceed what it could write.
    const nameBytes = Math.min(record.getUint32(MessageHeader.NAME_LENGTH), this.#nameBytes);
    const controlBytes = Math.min(
      record.getUint32(MessageHeader.CONTROL_LENGTH),
      this.#controlBytes,
    );
    const control = record.copyBytes(NAME + this.#nameBytes, controlBytes);
    return {
      length,
      bufferId: cqe.hasBuffer ? cqe.bufferId : -1,
      peer: nameBytes === 0 ? null : decodeSocketAddress(record.copyBytes(NAME, nameBytes)),
      descriptors: decodeRights(control),
      control,
      truncated: (flags & MessageFlag.TRUNC) !== 0,
      controlTruncated: (flags & MessageFlag.CTRUNC) !== 0,
    };
  }
}
