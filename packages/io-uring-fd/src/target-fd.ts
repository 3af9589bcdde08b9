import { type Descriptor, FIXED_FILES_MAX, FixedFd, RawFd } from './descriptor.js';

const FILE_INDEX_ALLOC = 0xffff_ffff; // IORING_FILE_INDEX_ALLOC, kernel 5.19

/**
 * Where the descriptor that accept, socket, open or pipe creates goes.
 *
 * | target | `file_index` | `res` of the completion | descriptor |
 * |---|---|---|---|
 * | `TargetFd.raw` | 0 | the descriptor | in the process's table |
 * | `TargetFd.auto` | IORING_FILE_INDEX_ALLOC | the slot | direct, the kernel chooses among the automatic slots |
 * | `TargetFd.slot(n)` | n + 1 | 0 | direct, in slot n; what was there is closed |
 *
 * @example
 * ```ts
 * import { TargetFd } from '@ringbearer/io-uring-fd';
 *
 * console.log(TargetFd.slot(4).fileIndex); // 5
 * console.log(TargetFd.auto.descriptor(17).direct); // true
 * ```
 */
export class TargetFd {
  /** Into the process's table, as the plain system call does. */
  static readonly raw = new TargetFd(0);
  /** Into a free slot the kernel chooses (kernel 5.19; ENFILE when there is none). */
  static readonly auto = new TargetFd(FILE_INDEX_ALLOC);

  /**
   * Into slot `index`, an integer from 0 to {@link FIXED_FILES_MAX} - 1. The multishot forms do not take it: they need
   * `auto`.
   * @throws {RangeError} outside of that
   */
  static slot(index: number): TargetFd {
    if (!Number.isInteger(index) || index < 0 || index >= FIXED_FILES_MAX) {
      throw new RangeError(`Cannot target slot ${index} as it must be 0 to ${FIXED_FILES_MAX - 1}`);
    }
    return new TargetFd(index + 1);
  }

  /** What the entry's `file_index` field says. */
  readonly fileIndex: number;

  private constructor(fileIndex: number) {
    this.fileIndex = fileIndex;
  }

  /** The new descriptor is an index into the ring's table. */
  get direct(): boolean {
    return this.fileIndex !== 0;
  }

  /** The kernel chooses the slot. */
  get automatic(): boolean {
    return this.fileIndex === FILE_INDEX_ALLOC;
  }

  /** The created descriptor, from the `res` (>= 0) of the completion. */
  descriptor(res: number): Descriptor {
    if (this.fileIndex === 0) return new RawFd(res);
    return new FixedFd(this.fileIndex === FILE_INDEX_ALLOC ? res : this.fileIndex - 1);
  }
}
