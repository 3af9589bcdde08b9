import { ERRNO_MESSAGES, Errno } from './abi.generated.js';

const NAMES = new Map<number, keyof typeof Errno>();
for (const [name, number] of Object.entries(Errno)) {
  NAMES.set(number, name as keyof typeof Errno);
}

/**
 * Name of an error number: `'ECONNRESET'` for 104. A number Linux does not define gives `'E'` and the number, so that
 * every error has a stable name. See errno(3).
 *
 * @param errno positive error number; a negated one, as a CQE carries it, works too
 *
 * @example
 * ```ts
 * import { errnoName } from '@ringbearer/io-uring-opcode';
 *
 * console.log(errnoName(104)); // ECONNRESET
 * ```
 */
export function errnoName(errno: number): string {
  const number = Math.abs(errno);
  return NAMES.get(number) ?? `E${number}`;
}

/**
 * What an error number means, in the words of strerror(3): `'Connection reset by peer'` for 104.
 *
 * @param errno positive error number; a negated one, as a CQE carries it, works too
 *
 * @example
 * ```ts
 * import { errnoMessage } from '@ringbearer/io-uring-opcode';
 *
 * console.log(errnoMessage(104)); // Connection reset by peer
 * ```
 */
export function errnoMessage(errno: number): string {
  const number = Math.abs(errno);
  const name = NAMES.get(number);
  return name === undefined ? `Unknown error ${number}` : ERRNO_MESSAGES[name];
}
