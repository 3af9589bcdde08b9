import { EpollEvent } from './abi.generated.js';

/** Name of one event: `'IN'`, `'RDHUP'`. */
export type EpollEventName = keyof typeof EpollEvent;

const ENTRIES = Object.entries(EpollEvent) as [EpollEventName, number][];

/**
 * The mask of named events: epoll_ctl(2), and for those below `EXCLUSIVE` poll(2). Naming one twice changes nothing.
 *
 * @returns an unsigned 32-bit mask
 * @throws {RangeError} a name epoll does not have
 *
 * @example
 * ```ts
 * import { epollMask, epollNames } from '@ringbearer/io-uring-opcode';
 *
 * const mask = epollMask('IN', 'RDHUP', 'ET');
 * console.log(mask.toString(16), epollNames(mask).join()); // 80002001 IN,RDHUP,ET
 * ```
 */
export function epollMask(...names: readonly EpollEventName[]): number {
  let mask = 0;
  for (const name of names) {
    if (!Object.hasOwn(EpollEvent, name)) {
      throw new RangeError(
        `Cannot build a mask as names must be events of epoll: current value is ${String(name)}`,
      );
    }
    mask |= EpollEvent[name];
  }
  return mask >>> 0;
}

/** The names in a mask, from the lowest bit up. Bits without a name are left out. */
export function epollNames(mask: number): EpollEventName[] {
  return ENTRIES.filter(([, bit]) => (mask & bit) !== 0).map(([name]) => name);
}
