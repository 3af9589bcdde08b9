import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fakeCqe } from '../../../test-support/fake-cqe.js';
import { CqeFlag, Errno } from '../../abi.generated.js';
import { dryRun } from '../../dry-run.js';
import { occupy } from '../../in-flight.js';
import { Timeout } from './timeout.js';
import { TimeoutRemove } from './timeout-remove.js';

/** Seconds and nanoseconds of the record. */
function timespec(timeout: Timeout): [number, number] {
  const view = new DataView(dryRun(timeout).record.buffer);
  return [Number(view.getBigInt64(0, true)), Number(view.getBigInt64(8, true))];
}

describe('Timeout', () => {
  test.each([
    [0, [0, 0]],
    [0.000_001, [0, 1]],
    [1.5, [0, 1_500_000]],
    [999.999_999_9, [1, 0]],
    [1000, [1, 0]],
    [1_700_000_000_123, [1_700_000_000, 123_000_000]],
  ])('keeps %d ms as a timespec', (milliseconds, expected) => {
    expect(timespec(new Timeout({ milliseconds }))).toEqual(expected);
  });

  test('the nanoseconds are always ones the kernel takes', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: Number.MAX_SAFE_INTEGER, noNaN: true }),
        (milliseconds) => {
          const [seconds, nanoseconds] = timespec(new Timeout({ milliseconds }));
          expect(nanoseconds).toBeGreaterThanOrEqual(0);
          expect(nanoseconds).toBeLessThan(1e9);
          const off = Math.abs(seconds * 1000 + nanoseconds / 1e6 - milliseconds);
          expect(off).toBeLessThanOrEqual(Math.max(1e-6, milliseconds * 1e-15));
        },
      ),
    );
  });

  test('complete() takes -ETIME for what was asked', () => {
    const timeout = new Timeout({ milliseconds: 1, count: 2 });
    expect(timeout.complete(fakeCqe(-Errno.ETIME))).toBe('elapsed');
    expect(timeout.complete(fakeCqe(0))).toBe('counted');
    expect(() => timeout.complete(fakeCqe(-Errno.ECANCELED))).toThrow(/timeout failed: ECANCELED/);
  });

  test('rearms() only one without end that lost F_MORE', () => {
    const endless = new Timeout({ milliseconds: 1, repeat: Number.POSITIVE_INFINITY });
    const five = new Timeout({ milliseconds: 1, repeat: 5 });
    expect([endless.multishot, five.multishot, five.since]).toEqual([true, true, '6.4']);
    expect(endless.rearms(fakeCqe(-Errno.ETIME))).toBe(true);
    expect(endless.rearms(fakeCqe(-Errno.ETIME, CqeFlag.MORE))).toBe(false);
    expect(endless.rearms(fakeCqe(-Errno.ECANCELED))).toBe(false);
    expect(five.rearms(fakeCqe(-Errno.ETIME))).toBe(false);
  });

  test('milliseconds may change between submissions', () => {
    const timeout = new Timeout({ milliseconds: 1 });
    timeout.milliseconds = 2000;
    expect(timespec(timeout)).toEqual([2, 0]);
    expect(timeout.milliseconds).toBe(2000);
    occupy(timeout);
    expect(() => {
      timeout.milliseconds = 1;
    }).toThrow(/the kernel holds it/);
  });

  test.each([
    [{ milliseconds: -1 }, RangeError, /milliseconds must be >= 0 and finite: current value is -1/],
    [{ milliseconds: Number.NaN }, RangeError, /NaN/],
    [{ milliseconds: Number.POSITIVE_INFINITY }, RangeError, /Infinity/],
    [{ milliseconds: '5' }, TypeError, /milliseconds must be a number/],
    [
      { milliseconds: 1, clock: 'tai' },
      TypeError,
      /clock must be monotonic, boottime or realtime: current value is "tai"/,
    ],
    [{ milliseconds: 1, count: -1 }, RangeError, /count/],
    [{ milliseconds: 1, repeat: 0 }, RangeError, /repeat must be an integer from 1/],
    [{ milliseconds: 1, repeat: 2, count: 1 }, TypeError, /repeat must be alone/],
    [{ milliseconds: 1, repeat: 2, absolute: true }, TypeError, /repeat must be alone/],
  ])('refuses %j', (options, type, message) => {
    const run = () => new Timeout(options as never);
    expect(run).toThrow(type);
    expect(run).toThrow(message);
  });
});

test('TimeoutRemove says whether the timeout was found', () => {
  const remove = new TimeoutRemove({ key: { slot: 1, generation: 0 } });
  expect(remove.complete(fakeCqe(0))).toBe(true);
  for (const errno of [Errno.ENOENT, Errno.EALREADY, Errno.EBUSY]) {
    expect(remove.complete(fakeCqe(-errno))).toBe(false);
  }
  expect(() => remove.complete(fakeCqe(-Errno.EINVAL))).toThrow(/timeout_remove failed: EINVAL/);
  expect(() => new TimeoutRemove({ key: new Timeout({ milliseconds: 1 }) })).toThrow(
    'Cannot remove a timeout as key.slot must be an integer from 0 to 4294967295: current value is -1',
  );
});
