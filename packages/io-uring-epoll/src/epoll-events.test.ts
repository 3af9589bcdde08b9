import { EpollEvent, type EpollEventName, epollMask } from '@ringbearer/io-uring-opcode';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EpollEvents } from './epoll-events.js';

const ALL = Object.keys(EpollEvent) as EpollEventName[];
const names = fc.subarray(ALL);
const name = fc.constantFrom(...ALL);

describe('EpollEvents', () => {
  test('set() twice is set() once, on or off, whatever was there', () => {
    fc.assert(
      fc.property(names, name, fc.boolean(), (some, one, on) => {
        const events = EpollEvents.of(...some);
        const once = events.set(one, on);
        expect(once.has(one)).toBe(on);
        expect(once.set(one, on).equals(once)).toBe(true);
        for (const other of ALL) if (other !== one) expect(once.has(other)).toBe(events.has(other));
        expect(events.names).toEqual(some); // the first one is as it was
      }),
    );
  });

  test('with() and without() are the union and the difference', () => {
    fc.assert(
      fc.property(names, names, (some, others) => {
        const events = EpollEvents.of(...some);
        const more = new Set([...some, ...others]);
        expect(new Set(events.with(...others).names)).toEqual(more);
        expect(events.without(...others).names).toEqual(some.filter((n) => !others.includes(n)));
        expect(events.has(...others)).toBe(others.every((n) => some.includes(n)));
        expect(events.hasAny(...others)).toBe(others.some((n) => some.includes(n)));
        expect(EpollEvents.fromMask(events.mask).equals(events)).toBe(true);
      }),
    );
  });

  test('never changes, and has words for itself', () => {
    const events = EpollEvents.READABLE;
    expect(() => {
      (events as { mask: number }).mask = 0;
    }).toThrow(TypeError);
    expect([String(events), String(EpollEvents.NONE)]).toEqual(['IN|RDHUP', 'none']);
    expect(EpollEvents.of('ET').mask).toBe(0x8000_0000);
    expect(EpollEvents.of('ET', 'IN').without('IN').mask).toBe(0x8000_0000);
  });

  test('refuses what epoll does not have', () => {
    expect(() => EpollEvents.of('NVAL' as never)).toThrow(/current value is NVAL/);
    expect(() => EpollEvents.NONE.with('' as never)).toThrow(RangeError);
    for (const mask of [0x20, 2 ** 32, -1, 0.5, Number.NaN, '1']) {
      expect(() => EpollEvents.fromMask(mask as never)).toThrow(RangeError);
    }
    expect(EpollEvents.fromMask(epollMask(...ALL)).names).toEqual(ALL);
  });
});
