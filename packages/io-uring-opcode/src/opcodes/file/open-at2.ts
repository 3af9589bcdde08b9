import { type Descriptor, TargetFd } from '@ringbearer/io-uring-fd';
import { CommonOpenFlag, OpNumber } from '../../abi.generated.js';
import { integerArgument, UINT32_MAX } from '../../argument.js';
import { OpenFlag } from '../../open-flag.js';
import { Opening } from '../../opening.js';
import { directoryArgument, type PathName, PathSource } from '../../path-source.js';
import type { Sqe } from '../../sqe.js';
import type { OpenAtOptions } from './open-at.js';
import { MODE_MAX, NEW_FILE_MODE, openFlags, openSince } from './open-options.js';

/** Settings of an {@link OpenAt2}. */
export interface OpenAt2Options extends OpenAtOptions {
  /** Bits of {@link ResolveFlag}: how the path may be walked. Default 0: as {@link OpenAt} does. */
  readonly resolve?: number;
}

// struct open_how { u64 flags, mode, resolve }, in front of the path.
const HOW_BYTES = 24;

/**
 * Opens a file and bounds how its path may be walked: with `ResolveFlag.BENEATH` neither `..` nor a symbolic link leads
 * out of `directory`, whatever the path says, which is what a server of static files wants.
 *
 * Result: the descriptor, regular or direct. Errors of note: EXDEV (the path leads out, BENEATH or NO_XDEV), ELOOP (a link,
 * NO_SYMLINKS), EAGAIN (not in the kernel's cache, CACHED; or a rename raced with BENEATH: try again), ENOENT, EACCES,
 * EMFILE. Kernel 5.6, into a direct slot 5.15, into a slot the kernel chooses 5.19; `ResolveFlag.CACHED` 5.12. openat2(2),
 * io_uring_prep_openat2(3).
 *
 * @throws {TypeError} `path` is no text and no bytes, `directory` no regular descriptor, `into` no TargetFd
 * @throws {RangeError} a path that is empty, beyond 4095 bytes or has a NUL inside; flags, mode or resolve out of range
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Close, OpCodeError, OpenAt, OpenAt2, OpenFlag, ResolveFlag } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const directory = await bearer.submit(
 *   new OpenAt({ path: '/proc', flags: OpenFlag.PATH | OpenFlag.DIRECTORY }),
 * );
 * const open = new OpenAt2({ directory, path: 'version', resolve: ResolveFlag.BENEATH });
 * const descriptor = await bearer.submit(open);
 * try {
 *   await bearer.submit(open.set('../etc/passwd', directory));
 * } catch (error) {
 *   if (error instanceof OpCodeError) console.log(error.code); // EXDEV
 * }
 * for (const opened of [descriptor, directory]) await bearer.submit(new Close({ descriptor: opened }));
 * await bearer.close();
 * ```
 */
export class OpenAt2 extends Opening {
  override readonly code = OpNumber.OPENAT2;
  override readonly name = 'OPENAT2';
  override readonly since: string;
  readonly #path = new PathSource();
  #directory: number;
  readonly #flags: number;
  readonly #mode: number;
  readonly #resolve: number;

  constructor(options: OpenAt2Options) {
    const { path, directory, flags = 0, mode, resolve = 0, into = TargetFd.raw } = options;
    super(into);
    this.#path.set('open', 'path', path);
    this.#directory = directoryArgument('open', 'directory', directory);
    this.#flags = openFlags(flags, into);
    // Unlike openat(2), openat2(2) refuses a mode where nothing is created.
    const creates = (flags & (CommonOpenFlag.CREAT | TMPFILE_BIT)) !== 0;
    this.#mode = integerArgument(
      'open',
      'mode',
      mode ?? (creates ? NEW_FILE_MODE : 0),
      0,
      MODE_MAX,
    );
    this.#resolve = integerArgument('open', 'resolve', resolve, 0, UINT32_MAX);
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
    const { record } = sqe;
    record.setSafeInteger(0, this.#flags >>> 0);
    record.setSafeInteger(8, this.#mode);
    record.setSafeInteger(16, this.#resolve);
    sqe.fd(this.#directory);
    this.#path.writeAddress(sqe, HOW_BYTES);
    sqe.recordAddress2(0);
    sqe.length(HOW_BYTES);
    sqe.fileIndex(this.into.fileIndex);
  }
}

const TMPFILE_BIT = OpenFlag.TMPFILE & ~OpenFlag.DIRECTORY;
