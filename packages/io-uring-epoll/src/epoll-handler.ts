import {
  type CapacityUse,
  UnsupportedOpcodeError,
  type UringBearer,
} from '@ringbearer/io-uring-bearer';
import type { Descriptor } from '@ringbearer/io-uring-fd';
import { EPOLL_EVENTS_MAX, EpollEvent, type EpollReady } from '@ringbearer/io-uring-opcode';
import { Changes, type EpollChange } from './changes.js';
import { bearerClosedError, closedError, EpollError, orphanedError } from './epoll-error.js';
import { EpollEvents } from './epoll-events.js';
import { type EpollWaitKind, ReadinessSource } from './readiness-source.js';
import { type EpollRegistration, SLOTS_MAX } from './registration.js';
import { RegistrationTable } from './registration-table.js';

/** Sizes of a handler. Everything has a default. */
export interface EpollHandlerOptions {
  /** Events one wait may bring, 1 to 4096. More than 16 take memory of the bearer. Default 16. */
  readonly eventsMax?: number;
  /** Descriptors that may be registered at once, 1 to 1,048,576. Default 1024. */
  readonly registrationsMax?: number;
  /** How to wait. Default: through the ring where the kernel can (6.15). */
  readonly waitBy?: EpollWaitKind;
}

/** How to wait. */
export interface EpollWaitSettings {
  /** Aborting ends the wait, which rejects with the reason. Events that came first win. */
  readonly signal?: AbortSignal;
  /** Milliseconds to wait at most: then there are no events. Needs an event loop that runs. Default: without end. */
  readonly timeoutMs?: number;
}

/** A descriptor that is ready. */
export interface EpollReadiness<Value = unknown> {
  /** Whose event it is. */
  readonly registration: EpollRegistration<Value>;
  /** What it is ready for: of what was asked, and ERR and HUP. */
  readonly events: EpollEvents;
}

/** Counters of one handler. */
export interface EpollStats {
  /** Registrations: the most there may be, those there are, and the most there were. */
  readonly registrations: CapacityUse;
  /** Waits, and system calls that take events, so far. */
  readonly waits: number;
  /** Events handed out. */
  readonly delivered: number;
  /** Events dropped, as their registration had ended or did not ask for them any more. */
  readonly stale: number;
}

/** A limit of the number of events that one wait brings, 48 to 64 KiB of them. */
const EVENTS_MAX = 4096;
const ALWAYS = EpollEvent.ERR | EpollEvent.HUP;
/** setTimeout takes no more. */
const TIMEOUT_MS_MAX = 0x7fff_ffff;

/**
 * An epoll instance on a ring: descriptors are added, changed and deleted through it, in batches, and waited for through it. It knows
 * whose event each is: what the kernel hands back is a rotating id, so an event of a registration that has ended is dropped, even when its
 * descriptor's number is somebody else's by now.
 *
 * For descriptors that only say "ready", as those of other libraries do, in thousands. Where you read and write yourself, RecvMulti, Read
 * and the others need no readiness; for one descriptor PollAdd is enough.
 *
 * Level-triggered unless `ET` is asked for; `ONESHOT` is armed again by {@link modify}; with `EXCLUSIVE` one of several instances is
 * woken. Kernel 5.6. epoll(7).
 *
 * It keeps no descriptor open that it was given, and closes none: delete first, close second. It ends with {@link close}, its thread, or
 * when it is collected.
 *
 * @typeParam Value what goes with a registration, for whoever receives its events
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { EpollEvents, EpollHandler } from '@ringbearer/io-uring-epoll';
 * import { AddressFamily, Bind, Close, Send, Socket, SocketType } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const socket = await bearer.submit(new Socket({ family: AddressFamily.UNIX, type: SocketType.DGRAM }));
 * const address = { family: 'Unix', path: `\0ringbearer-epoll-${process.pid}` } as const;
 * await bearer.submit(new Bind({ socket, address }));
 *
 * const epoll = EpollHandler.create<string>(bearer);
 * const registration = await epoll.add(socket, EpollEvents.READABLE, 'inbox');
 * await bearer.submit(new Send({ socket, data: Buffer.from('hello'), destination: address }));
 * for await (const { registration, events } of epoll) {
 *   console.log(registration.value, String(events)); // inbox IN
 *   break;
 * }
 * await epoll.delete(registration);
 * await bearer.submit(new Close({ descriptor: socket }));
 * await epoll.close();
 * await bearer.close();
 * ```
 */
export class EpollHandler<Value = unknown> {
  readonly #bearer: UringBearer;
  readonly #source: ReadinessSource;
  readonly #table: RegistrationTable<Value>;
  readonly #changes: Changes<Value>;
  /** Events that the kernel gave and nobody took yet, the next one last. */
  #left: EpollReady[] = [];
  #waiting: { readonly controller: AbortController; readonly over: Promise<void> } | null = null;
  #closing: Promise<void> | null = null;
  #delivered = 0;
  #stale = 0;

  /**
   * Makes an epoll instance.
   *
   * @param bearer the ring that carries its operations. Close the handler first, then the bearer
   * @throws RangeError, TypeError for an option out of bounds; UnsupportedOpcodeError for `waitBy: 'ring'` below kernel 6.15;
   *   AtCapacity for Buffers; BearerError `BEARER_CLOSED`; the system's error (EMFILE)
   */
  static create<Value = unknown>(
    bearer: UringBearer,
    options: EpollHandlerOptions = {},
  ): EpollHandler<Value> {
    return new EpollHandler(bearer, options);
  }

  private constructor(bearer: UringBearer, options: EpollHandlerOptions) {
    if (typeof options !== 'object' || options === null) {
      throw new TypeError(
        `Cannot make an epoll handler as options must be an object: current value is ${String(options)}`,
      );
    }
    const { eventsMax = EPOLL_EVENTS_MAX, registrationsMax = 1024 } = options;
    demandInteger('eventsMax', eventsMax, EVENTS_MAX);
    demandInteger('registrationsMax', registrationsMax, SLOTS_MAX);
    const { waitBy = bearer.probe().has('EPOLL_WAIT') ? 'ring' : 'syscall' } = options;
    if (waitBy !== 'ring' && waitBy !== 'syscall') {
      throw new TypeError(
        `Cannot make an epoll handler as waitBy must be 'ring' or 'syscall': current value is ${String(waitBy)}`,
      );
    }
    if (bearer.closed) throw bearerClosedError();
    if (waitBy === 'ring' && !bearer.probe().has('EPOLL_WAIT')) {
      throw new UnsupportedOpcodeError('EPOLL_WAIT', '6.15', bearer.probe().kernel);
    }
    this.#bearer = bearer;
    this.#table = new RegistrationTable(registrationsMax);
    this.#source = new ReadinessSource(bearer, eventsMax, waitBy);
    this.#changes = new Changes(bearer, this.#source, this.#table, () => this.#demandOpen());
  }

  /** The epoll instance, for a poll or for another handler. What is added to it by others is an orphan here. */
  get descriptor(): Descriptor {
    return this.#source.descriptor;
  }
  /** How it waits. */
  get waitBy(): EpollWaitKind {
    return this.#source.kind;
  }
  /** No longer usable: closed, or closing. */
  get closed(): boolean {
    return this.#closing !== null;
  }

  /** Counters since it was made. */
  stats(): EpollStats {
    const { limit, used, peak } = this.#table;
    return {
      registrations: { limit, used, peak },
      waits: this.#source.begun,
      delivered: this.#delivered,
      stale: this.#stale,
    };
  }

  /**
   * Adds a descriptor. The entry leaves with the others of this turn of the event loop.
   *
   * @throws by rejecting: TypeError, RangeError; EpollError `AT_CAPACITY`, `EPOLL_CLOSED`; OpCodeError EEXIST, EPERM (a regular file),
   *   ELOOP, EBADF and others, which say what to do; what `bearer.submit` throws
   */
  async add(
    descriptor: Descriptor,
    events: EpollEvents,
    ...value: undefined extends Value ? [value?: Value] : [value: Value]
  ): Promise<EpollRegistration<Value>> {
    const change = { add: descriptor, events, value: value[0] as Value };
    return this.#changes.prepare([change])[0]!();
  }

  /**
   * Asks for other events; or for the same ones again, which arms `ONESHOT` and, with `ET`, reports what is ready already.
   *
   * @throws by rejecting: as {@link add}; EpollError `REGISTRATION_ENDED`; RangeError for `EXCLUSIVE`, which cannot be changed
   */
  async modify(
    registration: EpollRegistration<Value>,
    events: EpollEvents = registration?.events,
  ): Promise<EpollRegistration<Value>> {
    return this.#changes.prepare([{ modify: registration, events }])[0]!();
  }

  /**
   * Ends a registration; one that has ended already stays so. No event of it is delivered from now on. Close the descriptor after this, not before: by then the kernel may
   * have let it go (ENOENT, EBADF; it has ended nevertheless), or, where a duplicate is open, report it for ever.
   *
   * @throws by rejecting: as {@link add}
   */
  async delete(registration: EpollRegistration<Value>): Promise<EpollRegistration<Value>> {
    return this.#changes.prepare([{ delete: registration }])[0]!();
  }

  /**
   * Makes many changes with one system call, as far as CoreQueue reaches. Either each is tried, or, for arguments that cannot be or too
   * little room in the handler, none. Changes of one registration follow each other; those of several may take place in any order.
   *
   * @returns for each change its registration, or why not, as `Promise.allSettled` does
   * @throws by rejecting: TypeError, RangeError, EpollError, with nothing changed
   */
  async apply(
    changes: readonly EpollChange<Value>[],
  ): Promise<PromiseSettledResult<EpollRegistration<Value>>[]> {
    const under = this.#changes.prepare(changes).map((begin) => begin());
    const outcomes = Promise.allSettled(under);
    this.#bearer.flush();
    return outcomes;
  }

  /**
   * Waits until descriptors are ready. One wait at a time.
   *
   * An element may end while those in front of it are handled: look at `registration.active`, or iterate over the handler, which does.
   *
   * @returns at least one, or none when `timeoutMs` are over
   * @throws by rejecting: EpollError `WAIT_IN_PROGRESS`, `EPOLL_CLOSED`, `ORPHANED_INTEREST`; BearerError `BEARER_CLOSED`; the signal's
   *   reason; RangeError
   */
  async wait(settings: EpollWaitSettings = {}): Promise<EpollReadiness<Value>[]> {
    await this.#fetch(settings);
    return this.#rest();
  }

  /** What is ready now, by a system call, without waiting. @throws EpollError `EPOLL_CLOSED` */
  take(): EpollReadiness<Value>[] {
    this.#demandOpen();
    this.#pull();
    return this.#rest();
  }

  /**
   * Iterates over what is ready, one at a time, for ever: the next wait begins when all of the last was taken. What is left when the
   * loop is left is for whoever waits next. Closing the handler ends the iteration.
   *
   * @throws as {@link wait}
   */
  async *events(
    settings: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<EpollReadiness<Value>, void, void> {
    for (;;) {
      try {
        await this.#fetch(settings);
      } catch (error) {
        if (this.#closing !== null && (error as EpollError).code === 'EPOLL_CLOSED') return;
        throw error;
      }
      const one = this.#next();
      if (one !== null) yield one;
    }
  }

  /** {@link events} without a signal: `for await (const { registration, events } of epoll)`. */
  [Symbol.asyncIterator](): AsyncGenerator<EpollReadiness<Value>, void, void> {
    return this.events();
  }

  /**
   * Ends the wait, lets changes under way finish, ends every registration and closes the epoll instance. The descriptors stay open.
   * Again: the same Promise.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await null; // From here on the handler is closed to everybody.
    this.#waiting?.controller.abort(closedError());
    await this.#waiting?.over;
    await this.#changes.settled();
    this.#left = [];
    this.#table.clear(this.#source.begun);
    this.#source.close();
  }

  /** Waits until there is something in `#left` that is still for somebody, or the time is over. */
  async #fetch(settings: EpollWaitSettings): Promise<void> {
    const { signal, timeoutMs = Number.POSITIVE_INFINITY } = settings;
    this.#demandOpen();
    if (this.#waiting !== null) throw new EpollError('WAIT_IN_PROGRESS', WAITING);
    if (!(timeoutMs >= 0)) {
      throw new RangeError(
        `Cannot wait as timeoutMs must be >= 0: current value is ${String(timeoutMs)}`,
      );
    }
    signal?.throwIfAborted();
    if (timeoutMs === 0) {
      this.#pull();
      return;
    }
    const controller = new AbortController();
    const abort = (): void => controller.abort(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    const timer =
      timeoutMs <= TIMEOUT_MS_MAX
        ? setTimeout(() => controller.abort(TIME_IS_UP), timeoutMs)
        : undefined;
    const run = this.#fill(controller.signal);
    this.#waiting = { controller, over: run.then(nothing, nothing) };
    try {
      await run;
    } catch (error) {
      if (error === TIME_IS_UP) return;
      throw this.#closing === null && this.#bearer.closed ? bearerClosedError() : error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      this.#waiting = null;
    }
  }

  /** Adds what is ready now to `#left`. */
  #pull(): void {
    this.#left.unshift(...this.#live(this.#source.take()).reverse());
  }

  async #fill(signal: AbortSignal): Promise<void> {
    this.#left = this.#live(this.#left);
    while (this.#left.length === 0) {
      const waited = this.#source.wait(signal);
      const wait = this.#source.begun;
      const events = await waited;
      this.#left = this.#live(events).reverse();
      if (this.#left.length > 0) return;
      if (events.some(({ data }) => this.#isOrphan(data, wait))) throw orphanedError();
    }
  }

  #isOrphan(id: number, wait: number): boolean {
    return this.#table.find(id) === undefined && this.#table.isOrphan(id, wait);
  }

  /** Those events that are for somebody. */
  #live(events: readonly EpollReady[]): EpollReady[] {
    const live = events.filter((event) => this.#maskOf(event) !== 0);
    this.#stale += events.length - live.length;
    return live;
  }

  /** What an event is to its registration: nothing, when that has ended. */
  #maskOf({ data, events }: EpollReady): number {
    const entry = this.#table.find(data);
    if (entry === undefined || entry.leaving) return 0;
    // While a change is under way the kernel may go by the one mask or the other.
    return entry.pending === null ? events & (entry.events.mask | ALWAYS) : events;
  }

  /** All that is left. */
  #rest(): EpollReadiness<Value>[] {
    const found: EpollReadiness<Value>[] = [];
    for (let one = this.#next(); one !== null; one = this.#next()) found.push(one);
    return found;
  }

  #next(): EpollReadiness<Value> | null {
    for (let event = this.#left.pop(); event !== undefined; event = this.#left.pop()) {
      const mask = this.#maskOf(event);
      if (mask === 0) {
        this.#stale++;
        continue;
      }
      this.#delivered++;
      const registration = this.#table.find(event.data)!;
      return { registration, events: EpollEvents.fromMask(mask >>> 0) };
    }
    return null;
  }

  #demandOpen(): void {
    if (this.#closing !== null) throw closedError();
  }
}

function demandInteger(name: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= max) return;
  throw new RangeError(
    `Cannot make an epoll handler as ${name} must be an integer from 1 to ${max}: current value is ${String(value)}`,
  );
}

const nothing = (): void => {};
const TIME_IS_UP = Symbol('the time is up');
const WAITING =
  'Cannot wait as somebody waits already: share what that brings, or make a handler for each';
