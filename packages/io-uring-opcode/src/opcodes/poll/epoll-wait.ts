import type { Descriptor } from '@ringbearer/io-uring-fd';
import type { KernelMemory } from '@ringbearer/io-uring-owner';
import { OpNumber } from '../../abi.generated.js';
import { descriptorArgument, integerArgument, show } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { RECORD_BYTES } from '../../record-memory.js';
import type { Sqe } from '../../sqe.js';
import { EPOLL_EVENT_BYTES, type EpollReady, readEpollEvents } from './epoll-event.js';

/** Settings of an {@link EpollWait}. */
export interface EpollWaitOptions {
  /** The epoll instance, regular or direct. */
  readonly epoll: Descriptor;
  /** Events to take at most. Default: as many as there is room for. */
  readonly eventsMax?: number;
  /** Where the kernel writes the events. Default: the operation's record, which has room for 16 on every machine. */
  readonly memory?: KernelMemory;
}

/** Events that have room in a record on every machine. */
export const EPOLL_EVENTS_MAX = RECORD_BYTES / 16;

/**
 * Takes events from an epoll instance: what epoll_wait(2) does, without blocking, so that an older event loop can run on a
 * ring. `EpollHandler` of io-uring-epoll knows whose event it was, and does without this opcode where the kernel has none.
 *
 * Result: one {@link EpollReady} for each event. Errors of note: EINVAL (no epoll instance), ECANCELED. Kernel 6.15.
 * epoll_wait(2), io_uring_prep_epoll_wait(3).
 *
 * @throws {TypeError} `epoll` is no descriptor, `memory` no kernel memory
 * @throws {RangeError} `eventsMax` is not from 1 to 16, or to what `memory` has room for
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { RawFd } from '@ringbearer/io-uring-fd';
 * import { EpollCtl, epollMask, epollNames, EpollWait, Pipe } from '@ringbearer/io-uring-opcode';
 * import { Epoll } from '@ringbearer/native/ring';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * if (bearer.probe().has('EPOLL_WAIT') && bearer.probe().has('PIPE')) {
 *   const instance = new Epoll(); // programs: EpollHandler.create(bearer) of io-uring-epoll
 *   const epoll = new RawFd(instance.descriptor);
 *   const { writeEnd } = await bearer.submit(new Pipe());
 *   const events = epollMask('OUT');
 *   await bearer.submit(new EpollCtl({ epoll, operation: 'add', descriptor: writeEnd, events, data: 42 }));
 *   for (const ready of await bearer.submit(new EpollWait({ epoll }))) {
 *     console.log(ready.data, epollNames(ready.events).join()); // 42 OUT
 *   }
 *   instance.close();
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
  readonly #memory: KernelMemory | null;

  constructor(options: EpollWaitOptions) {
    super();
    const { epoll, memory } = options;
    this.#epoll = descriptorArgument('wait', 'epoll', epoll);
    this.#memory = memory === undefined ? null : memoryArgument(memory);
    const room =
      memory === undefined ? EPOLL_EVENTS_MAX : Math.floor(memory.byteLength / EPOLL_EVENT_BYTES);
    this.#eventsMax = integerArgument('wait', 'eventsMax', options.eventsMax ?? room, 1, room);
  }

  override acquire(): void {
    this.#memory?.owner.lend();
  }
  override release(): void {
    this.#memory?.owner.giveBack();
  }
  override rollback(): void {
    this.#memory?.owner.withdraw();
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#epoll);
    if (this.#memory === null) sqe.recordAddress(0);
    else sqe.memory(this.#memory);
    sqe.length(this.#eventsMax);
  }

  override complete(cqe: Cqe): EpollReady[] {
    const count = this.result(cqe);
    if (this.#memory !== null) return readEpollEvents(this.#memory.unsafe.bytes, count);
    return readEpollEvents(cqe.record.copyBytes(0, count * EPOLL_EVENT_BYTES), count);
  }
}

function memoryArgument(memory: KernelMemory): KernelMemory {
  if (typeof memory !== 'object' || memory === null || !('owner' in memory)) {
    throw new TypeError(
      `Cannot wait as memory must be kernel memory: current value is ${show(memory)}`,
    );
  }
  return memory;
}
