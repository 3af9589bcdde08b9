import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber, PollFlag } from '../../abi.generated.js';
import { descriptorArgument, integerArgument, UINT32_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link PollAdd}. */
export interface PollAddOptions {
  /** What to watch, regular or direct. */
  readonly descriptor: Descriptor;
  /** Events to wait for, see `epollMask`: the numbers of poll(2) and epoll are the same. ERR and HUP always count. */
  readonly events: number;
  /** Complete each time it becomes ready, edge-triggered, until cancelled. Default false: once. Since 5.13. */
  readonly multishot?: boolean;
}

/**
 * Waits until a descriptor is ready.
 *
 * Result of each completion: the mask of what it is ready for (`epollNames` has the names). A multishot poll that the
 * kernel ended without an error goes on with {@link rearms}. Kernel 5.1, multishot 5.13. poll(2),
 * io_uring_prep_poll_add(3).
 *
 * @throws {TypeError} `descriptor` is none
 * @throws {RangeError} `events` is beyond 32 bits
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import {
 *   AddressFamily, Close, epollMask, epollNames, PollAdd, Socket, SocketType,
 * } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const descriptor = await bearer.submit(
 *   new Socket({ family: AddressFamily.INET, type: SocketType.DGRAM }),
 * );
 * const mask = await bearer.submit(new PollAdd({ descriptor, events: epollMask('OUT') }));
 * console.log(epollNames(mask).join()); // OUT
 * await bearer.submit(new Close({ descriptor }));
 * await bearer.close();
 * ```
 */
export class PollAdd extends OpCode<number> {
  override readonly code = OpNumber.POLL_ADD;
  override readonly name = 'POLL_ADD';
  override readonly since: string;
  override readonly multishot: boolean;
  #descriptor: Descriptor;
  #events: number;

  constructor(options: PollAddOptions) {
    super();
    const { descriptor, events, multishot = false } = options;
    this.#descriptor = descriptorArgument('poll', 'descriptor', descriptor);
    this.#events = integerArgument('poll', 'events', events, 0, UINT32_MAX);
    this.multishot = multishot;
    this.since = multishot ? '5.13' : '5.1';
  }

  /** Chooses descriptor and events for the next submission. */
  set(descriptor: Descriptor, events: number = this.#events): this {
    this.assertIdle();
    this.#descriptor = descriptorArgument('poll', 'descriptor', descriptor);
    this.#events = integerArgument('poll', 'events', events, 0, UINT32_MAX);
    return this;
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#descriptor);
    sqe.flags(this.#events | 0);
    if (this.multishot) sqe.length(PollFlag.ADD_MULTI);
  }

  override complete(cqe: Cqe): number {
    return this.result(cqe);
  }

  override rearms(cqe: Cqe): boolean {
    return this.multishot && !cqe.more && cqe.res >= 0;
  }
}
