import type { Descriptor, FixedFd, RawFd } from './descriptor.js';
import { FdError } from './fd-error.js';
import { type FdKind, fdKindAllows } from './fd-kind.js';

/**
 * A descriptor of the process that also sits in a slot of the ring's fixed-file table. It is used through the slot;
 * `raw` stays the caller's to close. {@link FixedFileTable.add} makes one.
 */
export class RegisteredFd implements Descriptor {
  /** The descriptor of the process. */
  readonly raw: RawFd;
  /** The same file in the table. */
  readonly fixed: FixedFd;
  /** What it was registered as. */
  readonly kind: FdKind;
  /** Index into the fixed-file table. */
  readonly number: number;
  readonly direct = true;

  constructor(raw: RawFd, fixed: FixedFd, kind: FdKind) {
    this.raw = raw;
    this.fixed = fixed;
    this.kind = kind;
    this.number = fixed.number;
  }

  /**
   * Itself, where its kind serves for `need`.
   * @throws {FdError} FD_WRONG_KIND
   */
  expect(need: FdKind): this {
    if (fdKindAllows(this.kind, need)) return this;
    throw new FdError(
      'FD_WRONG_KIND',
      `Cannot use fixed file ${this.number} as ${need} as it was registered as ${this.kind}`,
      this.number,
    );
  }
}
