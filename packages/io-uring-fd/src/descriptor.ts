/**
 * A descriptor an operation works on: a number in the process's table, or an index into the ring's own.
 */
export interface Descriptor {
  /** File descriptor, or index into the fixed-file table. */
  readonly number: number;
  /** True when `number` is an index: the entry is submitted with IOSQE_FIXED_FILE. */
  readonly direct: boolean;
}

/** A file descriptor of the process, as open(2) returns it. */
export class RawFd implements Descriptor {
  readonly number: number;
  readonly direct = false;

  /**
   * @param number an integer >= 0
   * @throws {TypeError} not an integer
   * @throws {RangeError} negative, or beyond 2^31 - 1
   */
  constructor(number: number) {
    checkNumber(number, 'a file descriptor', 0x7fff_ffff);
    this.number = number;
  }
}

/**
 * A direct descriptor: an index into the ring's fixed-file table, valid on that ring only. The kernel takes no
 * reference in the process's table for it: cheaper per operation, invisible to other libraries. Since kernel 5.15
 * (io_uring_register_files(3)).
 */
export class FixedFd implements Descriptor {
  readonly number: number;
  readonly direct = true;

  /**
   * @param index an integer from 0 to {@link FIXED_FILES_MAX} - 1
   * @throws {TypeError} not an integer
   * @throws {RangeError} outside of the kernel's range
   */
  constructor(index: number) {
    checkNumber(index, 'a direct descriptor', FIXED_FILES_MAX - 1);
    this.number = index;
  }
}

/**
 * Slots a fixed-file table may have: IORING_MAX_FIXED_FILES of io_uring/rsrc.c, also bounded by RLIMIT_NOFILE. Kernels of the
 * 5.x series allow less; registering more fails with EMFILE.
 */
export const FIXED_FILES_MAX = 1 << 20;

function checkNumber(value: number, what: string, max: number): void {
  if (!Number.isInteger(value)) {
    throw new TypeError(
      `Cannot make ${what} as its number must be an integer: current value is ${value}`,
    );
  }
  if (value < 0 || value > max) {
    throw new RangeError(
      `Cannot make ${what} as its number must be 0 to ${max}: current value is ${value}`,
    );
  }
}
