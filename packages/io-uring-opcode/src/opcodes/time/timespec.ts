import { TimeoutFlag } from '../../abi.generated.js';
import { show } from '../../argument.js';
import type { RecordMemory } from '../../record-memory.js';

/** A clock of clock_gettime(2): monotonic stops while the machine sleeps, boottime does not, realtime follows the wall. */
export type ClockName = 'monotonic' | 'boottime' | 'realtime';

const CLOCKS = {
  monotonic: 0,
  boottime: TimeoutFlag.BOOTTIME,
  realtime: TimeoutFlag.REALTIME,
} as const;

/** The timeout flag of a clock. */
export function clockFlag(action: string, clock: ClockName): number {
  if (!Object.hasOwn(CLOCKS, clock)) {
    throw new TypeError(
      `Cannot ${action} as clock must be monotonic, boottime or realtime: current value is ${show(clock)}`,
    );
  }
  return CLOCKS[clock];
}

/** `value` when it is a time the kernel can have. */
export function millisecondsArgument(action: string, value: unknown): number {
  if (typeof value !== 'number') {
    throw new TypeError(
      `Cannot ${action} as milliseconds must be a number: current value is ${show(value)}`,
    );
  }
  // Also refuses NaN. Beyond 2^53 seconds and milliseconds could no longer be told apart.
  if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) {
    throw new RangeError(
      `Cannot ${action} as milliseconds must be >= 0 and finite: current value is ${value}`,
    );
  }
  return value;
}

/** Writes a `struct __kernel_timespec` of 16 bytes. */
export function writeTimespec(record: RecordMemory, at: number, milliseconds: number): void {
  const seconds = Math.floor(milliseconds / 1000);
  const nanoseconds = Math.round((milliseconds - seconds * 1000) * 1e6);
  // Rounding up may complete a second, and the kernel refuses 10^9 nanoseconds.
  const carry = nanoseconds >= 1e9 ? 1 : 0;
  record.setSafeInteger(at, seconds + carry);
  record.setSafeInteger(at + 8, nanoseconds - carry * 1e9);
}
