import type { Descriptor } from '@ringbearer/io-uring-fd';
import { EpollError } from './epoll-error.js';
import type { EpollEvents } from './epoll-events.js';
import { Entry, slotOf } from './registration.js';

/**
 * The registrations of one handler: bounded, found by the id that the kernel hands back. A slot's generation rotates with each use,
 * so what the kernel had still under way for a registration that ended finds nobody.
 */
export class RegistrationTable<Value> {
  readonly limit: number;
  readonly #entries: (Entry<Value> | undefined)[] = [];
  readonly #generations: number[] = [];
  readonly #free: number[] = [];
  /** Which registration the kernel has for a descriptor's number. */
  readonly #byNumber = new Map<number, Entry<Value>>();
  /** The last registration made for a number, whether or not the kernel has it yet. */
  readonly #newest = new Map<number, Entry<Value>>();
  /** The wait that was the last to begin when a slot was last given up. */
  readonly #endedAt: number[] = [];
  #used = 0;
  #peak = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get used(): number {
    return this.#used;
  }
  get peak(): number {
    return this.#peak;
  }

  /** @throws {EpollError} AT_CAPACITY */
  demandRoom(count: number): void {
    if (this.#used + count <= this.limit) return;
    throw new EpollError(
      'AT_CAPACITY',
      `Cannot add ${count} descriptors as ${this.#used} of ${this.limit} registrations are in use: delete some, or give the handler a larger registrationsMax`,
    );
  }

  /** A new registration, which the kernel does not have yet. There must be room. */
  reserve(descriptor: Descriptor, value: Value, events: EpollEvents): Entry<Value> {
    const slot = this.#free.pop() ?? this.#entries.length;
    const generation = ((this.#generations[slot] ?? 0) + 1) >>> 0;
    this.#generations[slot] = generation;
    const entry = new Entry(this, descriptor, value, events, slot, generation);
    this.#entries[slot] = entry;
    this.#newest.set(descriptor.number, entry);
    this.#used++;
    if (this.#used > this.#peak) this.#peak = this.#used;
    return entry;
  }

  /**
   * The kernel took it. It refuses a number it has: one that we have too must have been closed in between, and its interest ended with
   * that.
   */
  added(entry: Entry<Value>, waits: number): void {
    const { number } = entry.descriptor;
    const former = this.#byNumber.get(number);
    if (former !== undefined && former !== entry) this.end(former, waits);
    this.#byNumber.set(number, entry);
  }

  /** It is over: `waits` waits have begun so far. Again: nothing happens. */
  end(entry: Entry<Value>, waits: number): void {
    if (!entry.active) return;
    entry.active = false;
    const { slot, descriptor } = entry;
    this.#entries[slot] = undefined;
    this.#endedAt[slot] = waits;
    this.#free.push(slot);
    this.#used--;
    for (const map of [this.#byNumber, this.#newest]) {
      if (map.get(descriptor.number) === entry) map.delete(descriptor.number);
    }
  }

  /** The last registration made for the number of this one: its own, or one that may take its place. */
  newest(entry: Entry<Value>): Entry<Value> {
    return this.#newest.get(entry.descriptor.number) ?? entry;
  }

  /** The registration that an event is for, if it is there still. */
  find(id: number): Entry<Value> | undefined {
    const entry = this.#entries[slotOf(id)];
    return entry?.id === id ? entry : undefined;
  }

  /**
   * An event found nobody: whether it cannot be a late one, as the wait that brought it, the `wait`-th, began after the registration
   * had ended.
   */
  isOrphan(id: number, wait: number): boolean {
    return (this.#endedAt[slotOf(id)] ?? 0) < wait;
  }

  /** Ends all of them. */
  clear(waits: number): void {
    for (const entry of this.#entries) if (entry !== undefined) this.end(entry, waits);
  }
}
