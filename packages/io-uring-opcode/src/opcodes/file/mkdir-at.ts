import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber } from '../../abi.generated.js';
import { integerArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { directoryArgument, type PathName, PathSource } from '../../path-source.js';
import type { Sqe } from '../../sqe.js';
import { MODE_MAX } from './open-options.js';

/** Settings of a {@link MkdirAt}. */
export interface MkdirAtOptions {
  /** What to make: 1 to 4095 bytes. Its parent must exist. */
  readonly path: PathName;
  /** Where a relative path begins: a regular descriptor of a directory. Default: the current directory. */
  readonly directory?: Descriptor;
  /** Permissions, before the umask. Default 0o777. */
  readonly mode?: number;
}

/**
 * Makes a directory.
 *
 * No result. Errors of note: EEXIST, ENOENT (no parent), ENOTDIR, EACCES. Kernel 5.15. mkdirat(2),
 * io_uring_prep_mkdirat(3).
 *
 * @throws {TypeError} `path` is no text and no bytes, `directory` no regular descriptor
 * @throws {RangeError} a path that is empty, beyond 4095 bytes or has a NUL inside; a mode beyond 0o7777
 *
 * @example
 * ```ts
 * import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { MkdirAt } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const folder = mkdtempSync(join(tmpdir(), 'mkdir-at-'));
 * await bearer.submit(new MkdirAt({ path: join(folder, 'inner'), mode: 0o700 }));
 * console.log(readdirSync(folder).join()); // inner
 * rmSync(folder, { recursive: true });
 * await bearer.close();
 * ```
 */
export class MkdirAt extends OpCode<void> {
  override readonly code = OpNumber.MKDIRAT;
  override readonly name = 'MKDIRAT';
  override readonly since = '5.15';
  readonly #path = new PathSource();
  #directory: number;
  readonly #mode: number;

  constructor(options: MkdirAtOptions) {
    super();
    const { path, directory, mode = 0o777 } = options;
    this.#path.set('make a directory', 'path', path);
    this.#directory = directoryArgument('make a directory', 'directory', directory);
    this.#mode = integerArgument('make a directory', 'mode', mode, 0, MODE_MAX);
  }

  /** Chooses another name for the next submission. */
  set(path: PathName, directory?: Descriptor): this {
    this.assertIdle();
    this.#path.set('make a directory', 'path', path);
    this.#directory = directoryArgument('make a directory', 'directory', directory);
    return this;
  }

  override prepare(sqe: Sqe): void {
    sqe.fd(this.#directory);
    this.#path.writeAddress(sqe);
    sqe.length(this.#mode);
  }

  override complete(cqe: Cqe): void {
    this.result(cqe);
  }
}
