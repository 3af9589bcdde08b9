import { type Descriptor, TargetFd } from '@ringbearer/io-uring-fd';
import { OpNumber } from '../../abi.generated.js';
import { integerArgument } from '../../argument.js';
import { Opening } from '../../opening.js';
import { directoryArgument, type PathName, PathSource } from '../../path-source.js';
import type { Sqe } from '../../sqe.js';
import { MODE_MAX, NEW_FILE_MODE, openFlags, openSince } from './open-options.js';

/** Settings of an {@link OpenAt}. */
export interface OpenAtOptions {
  /** What to open: 1 to 4095 bytes. */
  readonly path: PathName;
  /** Where a relative path begins: a regular descriptor of a directory. Default: the current directory. */
  readonly directory?: Descriptor;
  /** Bits of {@link OpenFlag}. Default 0: RDONLY. */
  readonly flags?: number;
  /** Permissions of a file that is created, before the umask. Default 0o666. */
  readonly mode?: number;
  /** Where the new descriptor goes. Default `TargetFd.raw`: the process's table, close-on-exec. */
  readonly into?: TargetFd;
}

/**
 * Opens a file. With CREAT, TRUNC or TMPFILE it runs in a worker of the kernel's; otherwise at once where the path is in the
 * kernel's cache.
 *
 * Result: the descriptor, regular or direct. Errors of note: ENOENT, EACCES, EMFILE (no descriptor left), ENFILE (no
 * direct slot), EISDIR, ELOOP. Kernel 5.6, into a direct slot 5.15, into a slot the kernel chooses 5.19. openat(2),
 * io_uring_prep_openat(3). {@link OpenAt2} also says how the path may be walked.
 *
 * @throws {TypeError} `path` is no text and no bytes, `directory` no regular descriptor, `into` no TargetFd
 * @throws {RangeError} a path that is empty, beyond 4095 bytes or has a NUL inside; flags or mode out of range
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Close, OpenAt, Read } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const descriptor = await bearer.submit(new OpenAt({ path: '/proc/version' }));
 * const memory = bearer.allocate(64);
 * await bearer.submit(new Read({ descriptor, memory }));
 * console.log(memory.toString('latin1', 0, 5)); // Linux
 * memory.release();
 * await bearer.submit(new Close({ descriptor }));
 * await bearer.close();
 * ```
 */
export class OpenAt extends Opening {
  override readonly code = OpNumber.OPENAT;
  override readonly name = 'OPENAT';
  override readonly since: string;
  readonly #path = new PathSource();
  #directory: number;
  readonly #flags: number;
  readonly #mode: number;

  constructor(options: OpenAtOptions) {
    const { path, directory, flags = 0, mode = NEW_FILE_MODE, into = TargetFd.raw } = options;
    super(into);
    this.#path.set('open', 'path', path);
    this.#directory = directoryArgument('open', 'directory', directory);
    this.#flags = openFlags(flags, into);
    this.#mode = integerArgument('open', 'mode', mode, 0, MODE_MAX);
    this.since = openSince('5.6', into);
  }

  /** Chooses another file for the next submission. */
  set(path: PathName, directory?: Descriptor): this {
    this.assertIdle();
    this.#path.set('open', 'path', path);
    this.#directory = directoryArgument('open', 'directory', directory);
    return this;
  }

  override prepare(sqe: Sqe): void {
    sqe.fd(this.#directory);
    this.#path.writeAddress(sqe);
    sqe.length(this.#mode);
    sqe.flags(this.#flags);
    sqe.fileIndex(this.into.fileIndex);
  }
}
