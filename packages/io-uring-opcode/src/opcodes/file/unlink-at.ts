import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber, PathFlag } from '../../abi.generated.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { directoryArgument, type PathName, PathSource } from '../../path-source.js';
import type { Sqe } from '../../sqe.js';

/** Settings of an {@link UnlinkAt}. */
export interface UnlinkAtOptions {
  /** What to remove: 1 to 4095 bytes. */
  readonly path: PathName;
  /** Where a relative path begins: a regular descriptor of a directory. Default: the current directory. */
  readonly directory?: Descriptor;
  /** Remove an empty directory, as rmdir(2). Default false: anything but a directory. */
  readonly removeDirectory?: boolean;
}

/**
 * Removes a name, and with the last one the file.
 *
 * No result. Errors of note: ENOENT, EISDIR or EPERM (a directory, without `removeDirectory`), ENOTDIR, ENOTEMPTY, EBUSY (a
 * mount point). Kernel 5.11. unlinkat(2), io_uring_prep_unlinkat(3).
 *
 * @throws {TypeError} `path` is no text and no bytes, `directory` no regular descriptor
 * @throws {RangeError} a path that is empty, beyond 4095 bytes or has a NUL inside
 *
 * @example
 * ```ts
 * import { existsSync, mkdtempSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { UnlinkAt } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const folder = mkdtempSync(join(tmpdir(), 'unlink-at-'));
 * await bearer.submit(new UnlinkAt({ path: folder, removeDirectory: true }));
 * console.log(existsSync(folder)); // false
 * await bearer.close();
 * ```
 */
export class UnlinkAt extends OpCode<void> {
  override readonly code = OpNumber.UNLINKAT;
  override readonly name = 'UNLINKAT';
  override readonly since = '5.11';
  readonly #path = new PathSource();
  #directory: number;
  readonly #flags: number;

  constructor(options: UnlinkAtOptions) {
    super();
    const { path, directory, removeDirectory = false } = options;
    this.#path.set('unlink', 'path', path);
    this.#directory = directoryArgument('unlink', 'directory', directory);
    this.#flags = removeDirectory ? PathFlag.REMOVEDIR : 0;
  }

  /** Chooses another name for the next submission. */
  set(path: PathName, directory?: Descriptor): this {
    this.assertIdle();
    this.#path.set('unlink', 'path', path);
    this.#directory = directoryArgument('unlink', 'directory', directory);
    return this;
  }

  override prepare(sqe: Sqe): void {
    sqe.fd(this.#directory);
    this.#path.writeAddress(sqe);
    sqe.flags(this.#flags);
  }

  override complete(cqe: Cqe): void {
    this.result(cqe);
  }
}
