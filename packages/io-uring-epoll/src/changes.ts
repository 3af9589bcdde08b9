import type { UringBearer } from '@ringbearer/io-uring-bearer';
import type { Descriptor } from '@ringbearer/io-uring-fd';
import { Errno } from '@ringbearer/io-uring-opcode';
import { Control, demandEvents } from './control.js';
import { endedError } from './epoll-error.js';
import { EpollEvents } from './epoll-events.js';
import type { ReadinessSource } from './readiness-source.js';
import { Entry, type EpollRegistration } from './registration.js';
import type { RegistrationTable } from './registration-table.js';

/** One change of `EpollHandler.apply`. */
export type EpollChange<Value = unknown> =
  | {
      /** The descriptor to add: a regular one. */
      readonly add: Descriptor;
      /** The events to ask for. */
      readonly events: EpollEvents;
      /** To go with the registration. */
      readonly value?: Value;
    }
  | {
      /** The registration to change. */
      readonly modify: EpollRegistration<Value>;
      /** Default: what it has, which arms ONESHOT again. */
      readonly events?: EpollEvents;
    }
  | {
      /** The registration to end. */
      readonly delete: EpollRegistration<Value>;
    };

/** A change that was checked, and can begin. */
export type ReadyChange<Value> = () => Promise<Entry<Value>>;

/** Changes of the registrations of one handler, as EPOLL_CTL operations. */
export class Changes<Value> {
  readonly #bearer: UringBearer;
  readonly #source: ReadinessSource;
  readonly #table: RegistrationTable<Value>;
  readonly #demandOpen: () => void;
  readonly #underWay = new Set<Promise<void>>();

  constructor(
    bearer: UringBearer,
    source: ReadinessSource,
    table: RegistrationTable<Value>,
    demandOpen: () => void,
  ) {
    this.#bearer = bearer;
    this.#source = source;
    this.#table = table;
    this.#demandOpen = demandOpen;
  }

  /**
   * Checks every change, and sets aside what additions need. Nothing is done when it throws.
   * @throws TypeError, RangeError, EpollError
   */
  prepare(changes: readonly EpollChange<Value>[]): ReadyChange<Value>[] {
    this.#demandOpen();
    if (!Array.isArray(changes)) {
      throw new TypeError('Cannot change registrations as changes must be an array');
    }
    let additions = 0;
    for (const change of changes as readonly EpollChange<Value>[]) {
      this.#check(change);
      if ('add' in change) additions++;
    }
    this.#table.demandRoom(additions);
    return changes.map((change: EpollChange<Value>) => this.#ready(change));
  }

  /** Nothing is under way any more. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  #check(change: EpollChange<Value>): void {
    if (typeof change !== 'object' || change === null) throw new TypeError(NO_CHANGE);
    if ('add' in change) {
      demandEvents('add', change.events);
      // For what the operation throws: it looks at the descriptor.
      this.#control('add', change.add, change.events, 0, nothing);
    } else if ('modify' in change) {
      const entry = this.#own('modify', change.modify);
      const { events = entry.events } = change;
      demandEvents('modify', events);
      if (events.has('EXCLUSIVE') || entry.events.has('EXCLUSIVE')) throw new RangeError(EXCLUSIVE);
    } else if ('delete' in change) {
      this.#own('delete', change.delete);
    } else {
      throw new TypeError(NO_CHANGE);
    }
  }

  /** The registration from the inside. */
  #own(action: string, registration: EpollRegistration<Value>): Entry<Value> {
    if (registration instanceof Entry && registration.table === this.#table) return registration;
    throw new TypeError(`Cannot ${action} as the registration must be one of this handler`);
  }

  #ready(change: EpollChange<Value>): ReadyChange<Value> {
    if ('add' in change) return this.#addition(change.add, change.events, change.value as Value);
    if ('modify' in change) {
      const entry = change.modify as Entry<Value>;
      return () => this.#track(entry, () => this.#modify(entry, change.events ?? entry.events));
    }
    const entry = change.delete as Entry<Value>;
    return () => {
      entry.leaving = true;
      return this.#track(entry, () => this.#delete(entry));
    };
  }

  #addition(descriptor: Descriptor, events: EpollEvents, value: Value): ReadyChange<Value> {
    const table = this.#table;
    const entry = table.reserve(descriptor, value, events);
    const ended = (res: number): void => {
      if (res === 0) table.added(entry, this.#source.begun);
      else table.end(entry, this.#source.begun);
    };
    const add = this.#control('add', descriptor, events, entry.id, ended);
    const submit = async (): Promise<void> => {
      try {
        await this.#bearer.submit(add);
      } catch (error) {
        table.end(entry, this.#source.begun); // It may not have been submitted at all.
        throw error;
      }
    };
    return () => this.#track(entry, submit);
  }

  async #modify(entry: Entry<Value>, events: EpollEvents): Promise<void> {
    if (!entry.active) throw endedError(entry.descriptor.number);
    const ended = (res: number): void => {
      if (res === 0) entry.events = events;
    };
    await this.#bearer.submit(this.#control('modify', entry.descriptor, events, entry.id, ended));
  }

  async #delete(entry: Entry<Value>): Promise<void> {
    if (!entry.active) return;
    // With ENOENT and EBADF the kernel has let go of it before.
    const ended = (res: number): void => {
      if (res !== -Errno.ECANCELED) this.#table.end(entry, this.#source.begun);
    };
    const { descriptor } = entry;
    try {
      await this.#bearer.submit(this.#control('delete', descriptor, EpollEvents.NONE, 0, ended));
    } finally {
      entry.leaving = false;
    }
  }

  /** Begins a change now, or after those of the same registration that are under way. */
  #track(entry: Entry<Value>, begin: () => Promise<void>): Promise<Entry<Value>> {
    const run = this.#turn(entry, begin);
    const over = run.then(nothing, nothing);
    entry.pending = over;
    this.#underWay.add(over);
    void over.then(() => {
      this.#underWay.delete(over);
      if (entry.pending === over) entry.pending = null;
    });
    return run;
  }

  async #turn(entry: Entry<Value>, begin: () => Promise<void>): Promise<Entry<Value>> {
    const before = entry.pending;
    const newest = this.#table.newest(entry);
    // The kernel goes by number: a change must not meet a newer registration that is being added.
    if (newest !== entry && newest.pending !== null) await newest.pending;
    if (before !== null) {
      await before;
      this.#demandOpen();
    }
    await begin();
    return entry;
  }

  #control(
    operation: 'add' | 'modify' | 'delete',
    descriptor: Descriptor,
    { mask: events }: EpollEvents,
    data: number,
    ended: (res: number) => void,
  ): Control {
    const epoll = this.#source.descriptor;
    return new Control({ epoll, operation, descriptor, events, data }, ended);
  }
}

const nothing = (): void => {};
const NO_CHANGE =
  'Cannot change registrations as each change must be { add, events, value }, { modify, events } or { delete }';
const EXCLUSIVE =
  'Cannot modify a registration with EXCLUSIVE as the kernel allows none: delete it and add the descriptor again';
