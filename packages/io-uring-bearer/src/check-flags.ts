import { flagsError } from './errors.js';
import { KNOWN_FLAGS, PERSONALITY } from './record-flags.js';

/**
 * Flags that are not all {@link KNOWN_FLAGS}: is the rest a personality that is registered?
 * @throws RangeError
 */
export function checkFlags(flags: number, personalities: ReadonlySet<number>): void {
  if (!Number.isInteger(flags) || (flags & ~(KNOWN_FLAGS | PERSONALITY)) !== 0) {
    throw flagsError(flags);
  }
  if (!personalities.has(flags >>> 16)) throw flagsError(flags);
}
