import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber } from '../../abi.generated.js';
import { descriptorArgument, integerArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { RECORD_BYTES } from '../../record-memory.js';
import type { Sqe } from '../../sqe.js';

/** Settings of an {@link EpollWait}. */
export interface EpollWaitOptions {
  /** The epoll instance, regular or direct. */
  readonly epoll: Descriptor;
  /** Events to take at most: up to 16, which have room in the record on every machine. Default 16. */
  readonly eventsMax?: number;
}

/** One event of an epoll instance. */
export interface EpollReady {
  /** What it is ready for; `epollNames` has the names. */
  readonly events: number;
  /** What {@link EpollCtl} was given as `data`. Beyond 2^53 the lowest bits are rounded away. */
  readonly data: number;
}

// struct epoll_event is packed on x86-64 only; elsewhere its 64-bit member is aligned.
const PACKED = process.arch === 'x64';
const DATA = PACKED ? 4 : 8;
const EVENT_BYTES = PACKED ? 12 : 16;

/** Events that have room in a record on every machine. */
export const EPOLL_EVENTS_MAX = RECORD_BYTES / 16;

/**
 * Takes events from an epoll instance: what epoll_wait(2) does, without blocking, so that an older event loop can run on a
 * ring.
 *
 * Result: one {@link EpollReady} for each event. Errors of note: EINVAL (no epoll instance), ECANCELED. Kernel 6.15.
 * epoll_wait(2), io_uring_prep_epoll_wait(3).
 *
 * @throws {TypeError} `epoll` is no descriptor
 * @throws {RangeError} `eventsMax` is not from 1 to 16
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { RawFd } from '@ringbearer/io-uring-fd';
 * import { EpollWait, OpCodeError } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * if (bearer.probe().has('EPOLL_WAIT')) {
 *   // Node.js has no epoll_create1(2): standard input is none, and the kernel says so.
 *   try {
 *     await bearer.submit(new EpollWait({ epoll: new RawFd(0) }));
 *   } catch (error) {
 *     if (error instanceof OpCodeError) console.log(error.code); // EINVAL
 *   }
 * }
 * await bearer.close();
 * ```
 */
export class EpollWait extends OpCode<EpollReady[]> {
  override readonly code = OpNumber.EPOLL_WAIT;
  override readonly name = 'EPOLL_WAIT';
  override readonly since = '6.15';
  readonly #epoll: Descriptor;
  readonly #eventsMax: number;

  constructor(options: EpollWaitOptions) {
    super();
    const { epoll, eventsMax = EPOLL_EVENTS_MAX } = options;
    this.#epoll = descriptorArgument('wait', 'epoll', epoll);
    this.#eventsMax = integerArgument('wait', 'eventsMax', eventsMax, 1, EPOLL_EVENTS_MAX);
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#epoll);
    sqe.recordAddress(0);
    sqe.length(this.#eventsMax);
  }

  override complete(cqe: Cqe): EpollReady[] {
    const count = this.result(cqe);
    const { record } = cqe;
    return Array.from({ length: count }, (_, i) => {
      const at = i * EVENT_BYTES;
      const low = record.getUint32(at + DATA);
      const data = record.getUint32(at + DATA + 4) * 0x1_0000_0000 + low;
      return { events: record.getUint32(at), data };
    });
  }
}
