import { release } from 'node:os';
import { Feature } from '@ringbearer/io-uring-opcode';
import { controlWords, type RawRing } from '@ringbearer/native/ring';
import { BearerError } from '../errors.js';
import type { DriverKind } from './setup.js';

/** A second: more would be no wait for a batch, but a pause. */
const MIN_WAIT_US_MAX = 1_000_000;

/** @throws RangeError when it is no integer from 0 to a second */
export function checkMinWait(minWaitUs: number): void {
  if (Number.isInteger(minWaitUs) && minWaitUs >= 0 && minWaitUs <= MIN_WAIT_US_MAX) return;
  throw new RangeError(
    `Cannot wait as minWaitUs must be an integer from 0 to ${MIN_WAIT_US_MAX}: current value is ${minWaitUs}`,
  );
}

/** @throws BearerError `UNSUPPORTED_FEATURE` on a kernel that does not know minimal waits */
export function demandMinWait(raw: RawRing): void {
  if ((raw.features & Feature.MIN_TIMEOUT) !== 0) return;
  throw new BearerError(
    'UNSUPPORTED_FEATURE',
    `Cannot wait with minWaitUs as this kernel (${release()}) does not do that: it is in Linux 6.12 and later. Leave it out, or wait for 1 completion`,
  );
}

/**
 * Has the owner driver collect completions for a while. Elsewhere, and on a kernel that cannot, nothing changes: the option is to save
 * wake-ups, not to be relied on.
 *
 * @returns microseconds granted
 * @throws TypeError, RangeError
 */
export function grantMinWait(
  raw: RawRing,
  asked: DriverKind,
  granted: DriverKind,
  minWaitUs: number,
): number {
  checkMinWait(minWaitUs);
  if (minWaitUs > 0 && asked !== 'owner') {
    throw new TypeError(
      `Cannot make a bearer with minWaitUs as the driver is '${asked}': use 'owner', or submitAndWait of 'manual'`,
    );
  }
  const able = granted === 'owner' && (raw.features & Feature.MIN_TIMEOUT) !== 0;
  const grant = able ? minWaitUs : 0;
  new Int32Array(raw.control)[controlWords.loopMinWaitMicroseconds] = grant;
  return grant;
}
