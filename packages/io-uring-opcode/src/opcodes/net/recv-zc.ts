import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber, RecvSendFlag } from '../../abi.generated.js';
import { descriptorArgument, integerArgument, UINT32_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link RecvZc}. */
export interface RecvZcOptions {
  /** A TCP socket whose flow the network card steers to the registered queue. */
  readonly socket: Descriptor;
  /** Id of the interface queue that was registered with the ring. Default 0. */
  readonly interfaceQueue?: number;
  /** Bytes after which it ends. Default 0: no bound. */
  readonly length?: number;
}

/**
 * Receives again and again without a copy: the network card writes into memory the ring has registered. It needs a card
 * that splits headers from data, flow steering, CAP_NET_ADMIN, an interface queue registered with the ring
 * (IORING_REGISTER_ZCRX_IFQ) and completions of 32 bytes, whose second half says where the bytes are. A bearer has
 * neither of the last two: this is for rings of your own, see `dryRun`.
 *
 * Result of each completion: bytes received. Errors of note: EINVAL (no such queue, or small completions), ENOMEM. Kernel 6.15.
 * Documentation/networking/iou-zcrx.rst of the kernel.
 *
 * @throws {TypeError} `socket` is no descriptor
 * @throws {RangeError} `interfaceQueue` or `length` is beyond 32 bits
 *
 * @example
 * ```ts
 * import { FixedFd } from '@ringbearer/io-uring-fd';
 * import { dryRun, RecvZc } from '@ringbearer/io-uring-opcode';
 *
 * const { words } = dryRun(new RecvZc({ socket: new FixedFd(3), interfaceQueue: 1 }));
 * console.log(words[0]! & 0xff, words[11]); // 58 1
 * ```
 */
export class RecvZc extends OpCode<number> {
  override readonly code = OpNumber.RECV_ZC;
  override readonly name = 'RECV_ZC';
  override readonly since = '6.15';
  override readonly multishot = true;
  readonly #socket: Descriptor;
  readonly #interfaceQueue: number;
  readonly #length: number;

  constructor(options: RecvZcOptions) {
    super();
    const { socket, interfaceQueue = 0, length = 0 } = options;
    this.#socket = descriptorArgument('receive', 'socket', socket);
    this.#interfaceQueue = integerArgument(
      'receive',
      'interfaceQueue',
      interfaceQueue,
      0,
      UINT32_MAX,
    );
    this.#length = integerArgument('receive', 'length', length, 0, UINT32_MAX);
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#socket);
    sqe.ioprio(RecvSendFlag.RECV_MULTISHOT);
    sqe.length(this.#length | 0);
    sqe.fileIndex(this.#interfaceQueue | 0); // zcrx_ifq_idx
  }

  override complete(cqe: Cqe): number {
    return this.result(cqe);
  }
}
