import { ClockId, RegisterOp, Timeout } from '@ringbearer/io-uring-opcode';
import { type RawRing, Ring } from '@ringbearer/native/ring';
import { describe, expect, test } from 'vitest';
import { bearerMaker } from '../../test-support/bearers.js';
import type { RingFactory } from '../index.js';
import { olderThan } from '../kernel-version.js';

const make = bearerMaker();

/** A factory of rings that writes down which clocks the kernel was given. */
function observed(): { clocks: number[]; ringFactory: RingFactory } {
  const clocks: number[] = [];
  const ringFactory: RingFactory = (...args) =>
    new Proxy(new Ring(...args), {
      get(target: RawRing, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        if (name !== 'register') return value.bind(target);
        return (opcode: number, argument: Uint32Array, count: number) => {
          const result = target.register(opcode, argument, count);
          if (opcode === RegisterOp.REGISTER_CLOCK) clocks.push(argument[0]!);
          return result;
        };
      },
    });
  return { clocks, ringFactory };
}

describe.each(['owner', 'manual'] as const)('driver %s', (driver) => {
  test('setWaitClock(): the kernel takes both, and waits end by either', async (context) => {
    const { clocks, ringFactory } = observed();
    const bearer = make(driver, {}, { ringFactory });
    const { kernel } = bearer.probe();
    if (olderThan(kernel, '6.12')) context.skip(`kernel ${kernel} is before 6.12`);
    for (const clock of ['boottime', 'monotonic', 'boottime'] as const) {
      bearer.registration.setWaitClock(clock);
      if (driver === 'manual') {
        const far = new Timeout({ milliseconds: 3_600_000 });
        const key = bearer.push(far);
        bearer.submitAndWait(1, { timeoutMs: 5 });
        expect(bearer.handleCompletions()).toBe(0); // the wait ended, by the clock, and nothing else did
        bearer.cancel(key);
        bearer.submitAndWait(1);
        bearer.handleCompletions();
      } else {
        await bearer.submit(new Timeout({ milliseconds: 1 }));
      }
    }
    expect(clocks).toEqual([ClockId.BOOTTIME, ClockId.MONOTONIC, ClockId.BOOTTIME]);
  });
});

test.each(['realtime', 'toString', '', 1, null, undefined])(
  'setWaitClock(%j) is refused',
  (clock) => {
    const { clocks, ringFactory } = observed();
    const bearer = make('embedded', {}, { ringFactory });
    expect(() => bearer.registration.setWaitClock(clock as never)).toThrow(
      "Cannot choose a clock as it must be 'monotonic' or 'boottime'",
    );
    expect(clocks).toEqual([]);
  },
);
