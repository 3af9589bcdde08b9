import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EpollEvent } from './abi.generated.js';
import { type EpollEventName, epollMask, epollNames } from './epoll-events.js';

const names = fc.subarray(Object.keys(EpollEvent) as EpollEventName[]);

test('epollNames() undoes epollMask(), and naming twice changes nothing', () => {
  fc.assert(
    fc.property(names, (some) => {
      const mask = epollMask(...some);
      expect(mask).toBeGreaterThanOrEqual(0);
      expect(epollNames(mask)).toEqual(some);
      expect(epollMask(...some, ...some)).toBe(mask);
    }),
  );
});

test('epollMask() is unsigned', () => {
  expect(epollMask('ET')).toBe(0x8000_0000);
  expect(epollMask()).toBe(0);
});

test('epollMask() refuses names that are none', () => {
  expect(() => epollMask('NONE' as EpollEventName)).toThrow(RangeError);
});
