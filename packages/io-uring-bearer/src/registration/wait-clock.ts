import { ClockId } from '@ringbearer/io-uring-opcode';
import { shown } from './argument.js';
import type { Registrar } from './registrar.js';

/** A clock that bounds waits: it stands still while the machine sleeps, or does not. */
export type WaitClock = 'monotonic' | 'boottime';

const CLOCKS: Readonly<Record<WaitClock, number>> = {
  monotonic: ClockId.MONOTONIC,
  boottime: ClockId.BOOTTIME,
};

/** Chooses the clock by which the waits of a ring end. */
export function setWaitClock(registrar: Registrar, clock: WaitClock): void {
  if (!Object.hasOwn(CLOCKS, clock)) {
    throw new TypeError(
      `Cannot choose a clock as it must be 'monotonic' or 'boottime': current value is ${shown(clock)}`,
    );
  }
  registrar.call('REGISTER_CLOCK', Uint32Array.of(CLOCKS[clock], 0, 0, 0), 0);
}
