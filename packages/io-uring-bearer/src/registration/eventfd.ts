import { type Descriptor, RawFd } from '@ringbearer/io-uring-fd';
import { openEventfd as openRawEventfd } from '@ringbearer/native/ring';
import { shown } from './argument.js';
import type { Registrar } from './registrar.js';

/** Settings of `registration.registerEventfd`. */
export interface EventfdOptions {
  /**
   * Only for operations that a thread of the kernel's worker pool completed, such as those with SubmissionFlags.ASYNC: not for what
   * completes at once, nor for what a socket or a timer woke (IORING_REGISTER_EVENTFD_ASYNC, kernel 5.6). Default false.
   */
  readonly workersOnly?: boolean;
}

/**
 * Opens an eventfd(2): a 64-bit counter in the kernel, close-on-exec. Close it with the Close operation or `fs.closeSync`.
 *
 * @throws the system's error (EMFILE)
 *
 * @example
 * ```ts
 * import { closeSync, readSync, writeSync } from 'node:fs';
 * import { openEventfd } from '@ringbearer/io-uring-bearer';
 *
 * const eventfd = openEventfd();
 * writeSync(eventfd.number, new BigUint64Array([3n]));
 * const count = new BigUint64Array(1);
 * readSync(eventfd.number, count);
 * console.log(count[0]); // 3n
 * closeSync(eventfd.number);
 * ```
 */
export function openEventfd(): RawFd {
  return new RawFd(openRawEventfd());
}

const HINTS = {
  EBADF: 'the descriptor is not open in this process',
  EINVAL: 'the descriptor must be an eventfd: make one with openEventfd()',
  EBUSY: 'an eventfd is registered: unregister that one first',
};

/** Has the kernel add 1 to an eventfd for completions. */
export function registerEventfd(
  registrar: Registrar,
  eventfd: Descriptor,
  { workersOnly = false }: EventfdOptions,
): void {
  if (!(eventfd instanceof RawFd)) {
    throw new TypeError(
      `Cannot register an eventfd as it must be a RawFd: current value is ${shown(eventfd)}`,
    );
  }
  const name = workersOnly ? 'REGISTER_EVENTFD_ASYNC' : 'REGISTER_EVENTFD';
  registrar.call(name, Int32Array.of(eventfd.number), 1, HINTS);
}

/** Ends {@link registerEventfd}. */
export function unregisterEventfd(registrar: Registrar): void {
  registrar.call('UNREGISTER_EVENTFD', null, 0, { ENXIO: 'no eventfd is registered' });
}
