import {
  EpollEvent,
  type EpollEventName,
  epollMask,
  epollNames,
} from '@ringbearer/io-uring-opcode';

const KNOWN = epollMask(...(Object.keys(EpollEvent) as EpollEventName[]));

/**
 * A set of epoll's events, as a value: it never changes. `with`, `without` and `set` give another, and doing twice what was done changes
 * nothing. epoll_ctl(2).
 *
 * @example
 * ```ts
 * import { EpollEvents } from '@ringbearer/io-uring-epoll';
 *
 * const read = EpollEvents.of('IN', 'RDHUP');
 * const both = read.with('OUT').with('OUT');
 * console.log(String(both), both.has('OUT')); // IN|OUT|RDHUP true
 * console.log(both.without('OUT').without('OUT').equals(read)); // true
 * console.log(read.set('ET', true).mask.toString(16)); // 80002001
 * ```
 */
export class EpollEvents {
  /** No event: ERR and HUP are reported all the same. */
  static readonly NONE = new EpollEvents(0);
  /** Bytes to read, or the peer closed its writing side: IN and RDHUP. */
  static readonly READABLE = EpollEvents.of('IN', 'RDHUP');
  /** Room to write: OUT. */
  static readonly WRITABLE = EpollEvents.of('OUT');

  /**
   * The set of these events.
   * @throws {RangeError} a name epoll does not have
   */
  static of(...names: readonly EpollEventName[]): EpollEvents {
    return new EpollEvents(epollMask(...names));
  }

  /**
   * The set a mask stands for.
   * @throws {RangeError} no unsigned 32-bit integer, or a bit that is no event
   */
  static fromMask(mask: number): EpollEvents {
    if (!Number.isInteger(mask) || mask < 0 || mask > 0xffff_ffff || (mask & ~KNOWN) !== 0) {
      throw new RangeError(
        `Cannot read a mask as every bit must be an event of epoll: current value is ${String(mask)}`,
      );
    }
    return new EpollEvents(mask);
  }

  /** The events as bits, unsigned. */
  readonly mask: number;

  private constructor(mask: number) {
    this.mask = mask;
    Object.freeze(this);
  }

  /** The names, from the lowest bit up. */
  get names(): EpollEventName[] {
    return epollNames(this.mask);
  }

  /** This set with some events more. @throws {RangeError} a name epoll does not have */
  with(...names: readonly EpollEventName[]): EpollEvents {
    return new EpollEvents((this.mask | epollMask(...names)) >>> 0);
  }
  /** This set without some events. @throws {RangeError} a name epoll does not have */
  without(...names: readonly EpollEventName[]): EpollEvents {
    return new EpollEvents((this.mask & ~epollMask(...names)) >>> 0);
  }
  /** This set with an event, or without it. @throws {RangeError} a name epoll does not have */
  set(name: EpollEventName, on: boolean): EpollEvents {
    return on ? this.with(name) : this.without(name);
  }

  /** Whether all of these are in the set. @throws {RangeError} a name epoll does not have */
  has(...names: readonly EpollEventName[]): boolean {
    const asked = epollMask(...names);
    return (this.mask & asked) >>> 0 === asked;
  }
  /** Whether any of these is in the set. @throws {RangeError} a name epoll does not have */
  hasAny(...names: readonly EpollEventName[]): boolean {
    return (this.mask & epollMask(...names)) !== 0;
  }
  /** Whether the other set has the same events. */
  equals(other: EpollEvents): boolean {
    return this.mask === other.mask;
  }

  /** `'IN|RDHUP'`, or `'none'`. */
  toString(): string {
    return this.names.join('|') || 'none';
  }
}
