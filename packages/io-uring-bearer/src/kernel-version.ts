/**
 * Whether a kernel release (`'6.1.0-13-amd64'`, as uname(2) and `bearer.probe().kernel` say it) is before a version (`'6.12'`).
 *
 * @example
 * ```ts
 * import { olderThan } from '@ringbearer/io-uring-bearer';
 *
 * console.log(olderThan('6.1.0-13-amd64', '6.12')); // true
 * ```
 */
export function olderThan(kernel: string, version: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10));
  const [sinceMajor = 0, sinceMinor = 0] = version.split('.').map(Number);
  return major < sinceMajor || (major === sinceMajor && minor < sinceMinor);
}
