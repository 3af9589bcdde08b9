import type { Descriptor } from '@ringbearer/io-uring-fd';
import type { EpollEvents } from './epoll-events.js';

/** An interest in a descriptor, of one handler, from `add` to `delete`. */
export interface EpollRegistration<Value = unknown> {
  /** What is watched. The handler never closes it. */
  readonly descriptor: Descriptor;
  /** What `add` was given to go with it. */
  readonly value: Value;
  /** What the kernel hands back with an event: slot and generation. No two registrations of a handler have the same. */
  readonly id: number;
  /** The events asked for, as of the last change that succeeded. */
  readonly events: EpollEvents;
  /** False once it was deleted, its descriptor's number was added anew, or the handler closed. Its events are dropped then. */
  readonly active: boolean;
}

/** A registration from the inside. */
export class Entry<Value> implements EpollRegistration<Value> {
  readonly descriptor: Descriptor;
  readonly value: Value;
  readonly id: number;
  readonly slot: number;
  /** The table it is in, or was. */
  readonly table: object;
  events: EpollEvents;
  active = true;
  /** Its holder wants no more events. */
  leaving = false;
  /** The change under way, or the last of those that wait for it. Never rejects. */
  pending: Promise<unknown> | null = null;

  constructor(
    table: object,
    descriptor: Descriptor,
    value: Value,
    events: EpollEvents,
    slot: number,
    generation: number,
  ) {
    this.table = table;
    this.descriptor = descriptor;
    this.value = value;
    this.events = events;
    this.slot = slot;
    this.id = generation * SLOTS_MAX + slot;
  }
}

/** Slots are numbered in 20 bits, so that an id with 32 bits of generation is a safe integer. */
export const SLOTS_MAX = 2 ** 20;

/** Slot of an id, whether or not there is such a registration. */
export const slotOf = (id: number): number => id % SLOTS_MAX;
