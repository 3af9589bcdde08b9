import type { Descriptor } from '@ringbearer/io-uring-fd';
import { EpollOp, Errno, OpNumber } from '../../abi.generated.js';
import { integerArgument, rawDescriptorArgument, show, UINT32_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';
import { EPOLL_DATA_AT } from './epoll-event.js';

/** Settings of an {@link EpollCtl}. */
export interface EpollCtlOptions {
  /** The epoll instance: a regular descriptor. */
  readonly epoll: Descriptor;
  /** What to do with the interest: EPOLL_CTL_ADD, EPOLL_CTL_MOD or EPOLL_CTL_DEL. */
  readonly operation: 'add' | 'modify' | 'delete';
  /** The descriptor it is about: a regular one. */
  readonly descriptor: Descriptor;
  /** Events to report, see `epollMask`. Needed unless deleting; ERR and HUP are always reported. */
  readonly events?: number;
  /** What epoll_wait(2) hands back with an event: a safe integer >= 0. Default: the descriptor's number. */
  readonly data?: number;
}

const OPERATIONS = { add: EpollOp.ADD, modify: EpollOp.MOD, delete: EpollOp.DEL } as const;

/**
 * Adds, changes or deletes an interest of an epoll instance. The kernel copies the event while it submits, so the record may
 * be reused at once. Descriptors are regular ones: epoll does not know the ring's table. `EpollHandler` of io-uring-epoll keeps
 * account of what was added, and knows whose an event is.
 *
 * No result. Errors of note, each with what to do about it: EEXIST (added twice), ENOENT (not there), EPERM (a regular file), EINVAL
 * (no epoll instance, EXCLUSIVE where it cannot be), ELOOP, ENOSPC. Kernel 5.6. epoll_ctl(2), io_uring_prep_epoll_ctl(3).
 *
 * @throws {TypeError} a direct descriptor, or `events` missing; an unknown `operation`
 * @throws {RangeError} `events` beyond 32 bits, `data` no safe integer
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { RawFd } from '@ringbearer/io-uring-fd';
 * import { AddressFamily, Close, EpollCtl, epollMask, OpCodeError, Socket, SocketType } from '@ringbearer/io-uring-opcode';
 * import { Epoll } from '@ringbearer/native/ring';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const instance = new Epoll(); // programs: EpollHandler.create(bearer) of io-uring-epoll
 * const epoll = new RawFd(instance.descriptor);
 * const descriptor = await bearer.submit(new Socket({ family: AddressFamily.UNIX, type: SocketType.DGRAM }));
 * const add = new EpollCtl({ epoll, operation: 'add', descriptor, events: epollMask('IN') });
 * await bearer.submit(add);
 * try {
 *   await bearer.submit(add);
 * } catch (error) {
 *   if (error instanceof OpCodeError) console.log(error.message); // epoll_ctl failed: EEXIST: ...
 * }
 * await bearer.submit(new EpollCtl({ epoll, operation: 'delete', descriptor }));
 * await bearer.submit(new Close({ descriptor }));
 * instance.close();
 * await bearer.close();
 * ```
 */
export class EpollCtl extends OpCode<void> {
  override readonly code = OpNumber.EPOLL_CTL;
  override readonly name = 'EPOLL_CTL';
  override readonly since = '5.6';
  readonly #epoll: Descriptor;
  readonly #operation: number;
  readonly #descriptor: Descriptor;
  readonly #data: number;
  #events: number;

  constructor(options: EpollCtlOptions) {
    super();
    const { epoll, operation, descriptor, events, data } = options;
    this.#epoll = rawDescriptorArgument('control epoll', 'epoll', epoll);
    this.#descriptor = rawDescriptorArgument('control epoll', 'descriptor', descriptor);
    if (!Object.hasOwn(OPERATIONS, operation)) {
      throw new TypeError(
        `Cannot control epoll as operation must be add, modify or delete: current value is ${show(operation)}`,
      );
    }
    this.#operation = OPERATIONS[operation];
    this.#events = operation === 'delete' ? 0 : eventsArgument(events);
    this.#data = integerArgument('control epoll', 'data', data ?? descriptor.number, 0);
  }

  /** Events the next submission asks for. */
  get events(): number {
    return this.#events;
  }
  set events(value: number) {
    this.assertIdle();
    this.#events = eventsArgument(value);
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#epoll);
    sqe.length(this.#operation);
    sqe.offset(this.#descriptor.number);
    if (this.#operation === EpollOp.DEL) return;
    sqe.record.setUint32(0, this.#events);
    sqe.record.setSafeInteger(EPOLL_DATA_AT, this.#data);
    sqe.recordAddress(0);
  }

  override complete(cqe: Cqe): void {
    this.result(cqe);
  }

  protected override hint(errno: number): string {
    return HINTS[errno] ?? '';
  }
}

/** epoll_ctl(2), ERRORS. */
const HINTS: Readonly<Record<number, string>> = {
  [Errno.EBADF]:
    'the descriptor is closed: delete the interest first, close second; it is gone once every duplicate is closed',
  [Errno.EEXIST]: 'this descriptor is there already: modify its interest',
  [Errno.ENOENT]:
    'this descriptor is not there: add it, and when deleting do so before it is closed',
  [Errno.EPERM]:
    'a regular file or directory is always ready, so epoll takes none: read or write it with an operation of the ring',
  [Errno.EINVAL]:
    'epoll must be an epoll instance and not watch itself; EXCLUSIVE goes with IN, OUT, ERR, HUP and ET only, is not for epoll instances, and cannot be modified: delete and add',
  [Errno.ELOOP]:
    'epoll instances may not watch each other in a circle, nor be nested more than five deep',
  [Errno.ENOSPC]: 'the user has all the watches he may have: raise fs.epoll.max_user_watches',
};

function eventsArgument(value: number | undefined): number {
  return integerArgument('control epoll', 'events', value, 0, UINT32_MAX);
}
