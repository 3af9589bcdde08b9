import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber, PathFlag, StatxMask } from '../../abi.generated.js';
import { integerArgument, UINT32_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { directoryArgument, PATH_BYTES_MAX, type PathName, PathSource } from '../../path-source.js';
import type { Sqe } from '../../sqe.js';
import { decodeStatx, type FileStatus } from './file-status.js';

/** Settings of a {@link Statx}. */
export interface StatxOptions {
  /** Which file. Left out or empty: `directory` itself, which may be any regular descriptor then. */
  readonly path?: PathName;
  /** Where a relative path begins: a regular descriptor. Default: the current directory. */
  readonly directory?: Descriptor;
  /** Look at what a symbolic link points to. Default true. */
  readonly followLinks?: boolean;
  /** Fields wanted: bits of {@link StatxMask}. Default BASIC_STATS and BTIME: all that stat(2) has, and the creation. */
  readonly mask?: number;
  /** `'force'` and `'cached'` for file systems on a network: ask the server, or do not. Default: as stat(2) does. */
  readonly sync?: 'as-stat' | 'force' | 'cached';
}

const SYNC = { 'as-stat': 0, force: PathFlag.STATX_FORCE_SYNC, cached: PathFlag.STATX_DONT_SYNC };

/**
 * Looks up what a file is: type, size, times, owner. The kernel reads the path while it submits and writes its answer
 * into the operation's record afterwards, so that no memory is needed.
 *
 * Result: {@link FileStatus}. Errors of note: ENOENT, ENOTDIR, EACCES, ELOOP. Kernel 5.6. It always runs in a worker of
 * the kernel's. statx(2), io_uring_prep_statx(3).
 *
 * @throws {TypeError} `path` is no text and no bytes, `directory` no regular descriptor, an unknown `sync`
 * @throws {RangeError} a path beyond 4095 bytes or with a NUL inside; neither path nor directory; a mask beyond 32 bits
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { fileTimeMs, Statx } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const { kind, modified } = await bearer.submit(new Statx({ path: process.execPath }));
 * console.log(kind, new Date(fileTimeMs(modified)).getFullYear() > 1970); // file true
 * await bearer.close();
 * ```
 */
export class Statx extends OpCode<FileStatus> {
  override readonly code = OpNumber.STATX;
  override readonly name = 'STATX';
  override readonly since = '5.6';
  readonly #path = new PathSource();
  #directory = 0;
  #flags = 0;
  readonly #base: number;
  readonly #mask: number;

  constructor(options: StatxOptions) {
    super();
    const { path = '', directory, followLinks = true, sync = 'as-stat' } = options;
    const { mask = StatxMask.BASIC_STATS | StatxMask.BTIME } = options;
    if (!Object.hasOwn(SYNC, sync)) {
      throw new TypeError(
        `Cannot look up a file as sync must be as-stat, force or cached: current value is ${String(sync)}`,
      );
    }
    this.#base = SYNC[sync] | (followLinks ? 0 : PathFlag.SYMLINK_NOFOLLOW);
    this.#mask = integerArgument('look up a file', 'mask', mask, 0, UINT32_MAX);
    this.#choose(path, directory);
  }

  /** Chooses another file for the next submission. */
  set(path: PathName, directory?: Descriptor): this {
    this.assertIdle();
    this.#choose(path, directory);
    return this;
  }

  override prepare(sqe: Sqe): void {
    sqe.fd(this.#directory);
    this.#path.writeAddress(sqe);
    // Over the path: that is read by then (IORING_FEAT_SUBMIT_STABLE).
    sqe.recordAddress2(0);
    sqe.length(this.#mask | 0);
    sqe.flags(this.#flags);
  }

  override complete(cqe: Cqe): FileStatus {
    this.result(cqe);
    return decodeStatx(cqe.record);
  }

  #choose(path: PathName, directory: Descriptor | undefined): void {
    const itself = directory !== undefined;
    this.#path.set('look up a file', 'path', path, PATH_BYTES_MAX, itself);
    this.#directory = directoryArgument('look up a file', 'directory', directory);
    this.#flags = this.#base | (path.length === 0 ? PathFlag.EMPTY_PATH : 0);
  }
}
