import type { Descriptor, FileBooks } from '@ringbearer/io-uring-fd';
import { Errno, OpNumber } from '../../abi.generated.js';
import { descriptorArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link Close}. */
export interface CloseOptions {
  /** What to close: a regular descriptor, or a direct one whose slot becomes free. */
  readonly descriptor: Descriptor;
}

/**
 * Closes a descriptor. It does not end operations that are in flight on it: they hold the file, so cancel them first
 * ({@link AsyncCancel} by descriptor) or shut the socket down ({@link Shutdown}).
 *
 * No result. The regular descriptor is gone even where close(2) reports EINTR or EIO; EBADF: it was not open.
 * Kernel 5.6, direct 5.15. close(2), io_uring_prep_close(3).
 *
 * @throws {TypeError} `descriptor` is none
 *
 * @example
 * ```ts
 * import { openSync } from 'node:fs';
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { RawFd } from '@ringbearer/io-uring-fd';
 * import { Close } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * await bearer.submit(new Close({ descriptor: new RawFd(openSync('/dev/null', 'r')) }));
 * console.log('closed');
 * await bearer.close();
 * ```
 */
export class Close extends OpCode<void> {
  override readonly code = OpNumber.CLOSE;
  override readonly name = 'CLOSE';
  #descriptor: Descriptor;
  /** Where the slot's closing was noted, until it is known what became of it. */
  #books: FileBooks | null = null;
  #known = false;

  constructor(options: CloseOptions) {
    super();
    this.#descriptor = descriptorArgument('close', 'descriptor', options.descriptor);
  }

  override get since(): string {
    return this.#descriptor.direct ? '5.15' : '5.6';
  }

  /** Chooses another descriptor for the next submission. */
  set(descriptor: Descriptor): this {
    this.assertIdle();
    this.#descriptor = descriptorArgument('close', 'descriptor', descriptor);
    return this;
  }

  override release(final?: Cqe): void {
    // EBADF says that the slot is empty as well. What was cancelled, or never submitted, is still there.
    const done = final !== undefined && final.res !== -Errno.ECANCELED;
    this.#books?.closed(this.#descriptor.number, this.#known, done);
    this.#books = null;
  }

  override prepare(sqe: Sqe): void {
    // A direct descriptor is named by file_index alone: the kernel answers EBADF to IOSQE_FIXED_FILE here.
    if (this.#descriptor.direct) {
      sqe.fd(0);
      sqe.fileIndex(this.#descriptor.number + 1);
      this.#books = sqe.files;
      this.#known = sqe.files?.closing(this.#descriptor.number) ?? false;
    } else {
      sqe.fd(this.#descriptor.number);
    }
  }

  override complete(cqe: Cqe): void {
    this.result(cqe);
  }
}
