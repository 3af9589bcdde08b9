import type { Descriptor } from '@ringbearer/io-uring-fd';
import type { KernelMemory } from '@ringbearer/io-uring-owner';
import { MessageFlag, OpNumber, RecvSendFlag } from '../../abi.generated.js';
import { descriptorArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import {
  type IntoGroup,
  type IntoMemory,
  type Received,
  ReceiveTarget,
  received,
} from '../../receive-target.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link Recv}: a socket, and either memory of its own or a buffer group. */
export type RecvOptions = (IntoMemory | IntoGroup) & {
  /** A connected socket, regular or direct. */
  readonly socket: Descriptor;
  /** MSG_WAITALL: complete only when the memory is full, at the end of the stream or on an error. Default false. */
  readonly waitAll?: boolean;
  /** MSG_PEEK: leave the bytes in the socket. Default false. */
  readonly peek?: boolean;
  /** Wait for readiness first instead of trying at once: cheaper where nothing can have arrived yet. Since 5.19. */
  readonly pollFirst?: boolean;
  /** With a group: fill several buffers where much has arrived, {@link Received} names the first of a run. Since 6.10. */
  readonly bundle?: boolean;
};

/**
 * Receives bytes once, into kernel memory or a buffer of a group.
 *
 * Memory passes to the kernel when the operation is submitted and comes back with the completion: call `owner.reuse()`
 * on it once the bytes are read.
 *
 * Result: {@link Received}; `length` 0 is the end of the stream. Errors of note: ECONNRESET, ENOBUFS (the group is
 * empty: back-pressure, not failure). Kernel 5.6, buffer groups 5.7, `bundle` 6.10. recv(2), io_uring_prep_recv(3).
 *
 * @throws {TypeError} `socket` is no descriptor, `memory` no kernel memory
 * @throws {RangeError} a range outside of the memory, or empty
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import {
 *   AddressFamily, Bind, Close, Connect, Recv, Send, Socket, SocketType, type SocketAddress,
 * } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const address: SocketAddress = { family: 'Unix', path: `\0ringbearer-recv-${process.pid}` };
 * const datagrams = { family: AddressFamily.UNIX, type: SocketType.DGRAM };
 * const receiver = await bearer.submit(new Socket(datagrams));
 * const sender = await bearer.submit(new Socket(datagrams));
 * await bearer.submit(new Bind({ socket: receiver, address }));
 * await bearer.submit(new Connect({ socket: sender, address }));
 * await bearer.submit(new Send({ socket: sender, data: new TextEncoder().encode('hello') }));
 *
 * const memory = bearer.allocate(4096);
 * const { length } = await bearer.submit(new Recv({ socket: receiver, memory }));
 * console.log(memory.toString().slice(0, length)); // hello
 * memory.release();
 *
 * for (const descriptor of [receiver, sender]) await bearer.submit(new Close({ descriptor }));
 * await bearer.close();
 * ```
 */
export class Recv extends OpCode<Received> {
  override readonly code = OpNumber.RECV;
  override readonly name = 'RECV';
  override readonly since: string;
  #socket: Descriptor;
  readonly #target = new ReceiveTarget();
  readonly #flags: number;
  readonly #ioprio: number;

  constructor(options: RecvOptions) {
    super();
    const { socket, waitAll = false, peek = false, pollFirst = false, bundle = false } = options;
    this.#socket = descriptorArgument('receive', 'socket', socket);
    this.#target.set('receive', options);
    this.#flags = (waitAll ? MessageFlag.WAITALL : 0) | (peek ? MessageFlag.PEEK : 0);
    if (bundle && options.group === undefined) {
      throw new TypeError(
        'Cannot receive a bundle as memory was given: only a group has several buffers',
      );
    }
    this.#ioprio =
      (pollFirst ? RecvSendFlag.RECVSEND_POLL_FIRST : 0) |
      (bundle ? RecvSendFlag.RECVSEND_BUNDLE : 0);
    this.since = bundle ? '6.10' : pollFirst ? '5.19' : options.group === undefined ? '5.6' : '5.7';
  }

  /** Chooses other memory, or another part of it, for the next submission. */
  set(memory: KernelMemory, offset?: number, length?: number): this {
    this.assertIdle();
    if ((this.#ioprio & RecvSendFlag.RECVSEND_BUNDLE) !== 0) {
      throw new TypeError(
        'Cannot choose memory as this receives bundles: only a group has several buffers',
      );
    }
    this.#target.setMemory('receive', memory, offset, length);
    return this;
  }

  /** Chooses another socket for the next submission. */
  setSocket(socket: Descriptor): this {
    this.assertIdle();
    this.#socket = descriptorArgument('receive', 'socket', socket);
    return this;
  }

  override get wholeBuffers(): boolean {
    const bundle = (this.#ioprio & RecvSendFlag.RECVSEND_BUNDLE) !== 0;
    return bundle || this.#target.partly || (this.#flags & MessageFlag.WAITALL) !== 0;
  }
  override get bufferGroup(): number {
    return this.#target.group;
  }

  override acquire(): void {
    this.#target.acquire();
  }
  override release(): void {
    this.#target.release();
  }
  override rollback(): void {
    this.#target.rollback();
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#socket);
    this.#target.prepare(sqe);
    sqe.ioprio(this.#ioprio);
    sqe.flags(this.#flags);
  }

  override complete(cqe: Cqe): Received {
    this.result(cqe);
    return received(cqe);
  }
}
