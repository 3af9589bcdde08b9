import { type Cqe, EpollCtl, type EpollCtlOptions } from '@ringbearer/io-uring-opcode';
import { EpollEvents } from './epoll-events.js';

/** An EPOLL_CTL that says how it ended while its completion is handled: before anything behind that in the queue. */
export class Control extends EpollCtl {
  readonly #ended: (res: number) => void;

  constructor(options: EpollCtlOptions, ended: (res: number) => void) {
    super(options);
    this.#ended = ended;
  }

  override complete(cqe: Cqe): void {
    this.#ended(cqe.res);
    super.complete(cqe);
  }
}

/** EPOLLEXCLUSIVE_OK_BITS of the kernel's fs/eventpoll.c. */
const WITH_EXCLUSIVE = EpollEvents.of('IN', 'OUT', 'ERR', 'HUP', 'WAKEUP', 'ET', 'EXCLUSIVE');

/** @throws TypeError for what is no set of events, RangeError for EXCLUSIVE with what cannot go with it */
export function demandEvents(action: string, events: EpollEvents): void {
  if (!(events instanceof EpollEvents)) {
    throw new TypeError(
      `Cannot ${action} a descriptor as events must be EpollEvents: use EpollEvents.of('IN')`,
    );
  }
  if (events.has('EXCLUSIVE') && (events.mask & ~WITH_EXCLUSIVE.mask) !== 0) {
    throw new RangeError(
      `Cannot ${action} a descriptor as only ${WITH_EXCLUSIVE.without('EXCLUSIVE')} may go with EXCLUSIVE: current value is ${events}`,
    );
  }
}
