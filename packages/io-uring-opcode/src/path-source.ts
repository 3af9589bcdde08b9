import type { Descriptor } from '@ringbearer/io-uring-fd';
import { DirectoryFd } from './abi.generated.js';
import { rawDescriptorArgument, show } from './argument.js';
import { RECORD_BYTES } from './record-memory.js';
import type { Sqe } from './sqe.js';

/**
 * A path: text is encoded as UTF-8, as everywhere in Node.js; bytes are taken as they are, for names that are no UTF-8.
 * Without the terminating NUL.
 */
export type PathName = string | Uint8Array;

/** Longest path, without its NUL: PATH_MAX of the kernel is 4096 with it. */
export const PATH_BYTES_MAX = 4095;

/** Longest name of an extended attribute, without its NUL: XATTR_NAME_MAX. */
export const XATTR_NAME_BYTES_MAX = 255;

const ENCODER = new TextEncoder();

/**
 * A NUL-terminated string for the kernel to read. The bytes are a copy that nobody else has, so nobody can change or
 * transfer them while the kernel may still look: they travel in the operation's record where they fit, and otherwise in
 * an array that lives as long as the operation.
 */
export class PathSource {
  #bytes: Uint8Array = new Uint8Array(1);

  /** Chooses the string. Allocates its copy, so that {@link writeAddress} need not. */
  set(
    action: string,
    name: string,
    path: PathName,
    bytesMax = PATH_BYTES_MAX,
    empty = false,
  ): void {
    if (typeof path !== 'string' && !(path instanceof Uint8Array)) {
      throw new TypeError(
        `Cannot ${action} as ${name} must be a string or a Uint8Array: current value is ${show(path)}`,
      );
    }
    const encoded = typeof path === 'string' ? ENCODER.encode(path) : path;
    if (encoded.length > bytesMax || (encoded.length === 0 && !empty)) {
      throw new RangeError(
        `Cannot ${action} as ${name} must be ${empty ? 0 : 1} to ${bytesMax} bytes long: current value is ${encoded.length}`,
      );
    }
    if (encoded.includes(0)) {
      throw new RangeError(
        `Cannot ${action} as ${name} must have no NUL inside: current value is ${show(path)}`,
      );
    }
    const bytes = new Uint8Array(encoded.length + 1);
    bytes.set(encoded);
    this.#bytes = bytes;
  }

  /** Bytes with the NUL. */
  get byteLength(): number {
    return this.#bytes.length;
  }

  /**
   * Writes `addr`.
   *
   * @param at first byte of the record that is free
   * @param end first byte of the record that is not
   * @returns the first free byte afterwards
   */
  writeAddress(sqe: Sqe, at = 0, end = RECORD_BYTES): number {
    const next = this.#store(sqe, at, end);
    if (next === at) sqe.callerAddress(this.#bytes);
    else sqe.recordAddress(at);
    return next;
  }
  /** As {@link writeAddress}, for `addr2`. */
  writeAddress2(sqe: Sqe, at = 0, end = RECORD_BYTES): number {
    const next = this.#store(sqe, at, end);
    if (next === at) sqe.callerAddress2(this.#bytes);
    else sqe.recordAddress2(at);
    return next;
  }
  /** As {@link writeAddress}, for `addr3`. */
  writeAddress3(sqe: Sqe, at = 0, end = RECORD_BYTES): number {
    const next = this.#store(sqe, at, end);
    if (next === at) sqe.callerAddress3(this.#bytes);
    else sqe.recordAddress3(at);
    return next;
  }

  #store(sqe: Sqe, at: number, end: number): number {
    const next = at + this.#bytes.length;
    if (next > end) return at;
    sqe.record.setBytes(at, this.#bytes);
    return next;
  }
}

/** The `dirfd` of a path: AT_FDCWD, or a regular descriptor. The kernel answers EBADF to direct ones here. */
export function directoryArgument(action: string, name: string, value?: Descriptor): number {
  return value === undefined
    ? DirectoryFd.FDCWD
    : rawDescriptorArgument(action, name, value).number;
}
