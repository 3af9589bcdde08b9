import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber } from '../../abi.generated.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { directoryArgument, type PathName, PathSource } from '../../path-source.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link SymlinkAt}. */
export interface SymlinkAtOptions {
  /** What the link says, 1 to 4095 bytes. It is not looked up. */
  readonly target: PathName;
  /** The name of the link: 1 to 4095 bytes. */
  readonly path: PathName;
  /** Where a relative `path` begins: a regular descriptor of a directory. Default: the current directory. */
  readonly directory?: Descriptor;
}

/**
 * Makes a symbolic link.
 *
 * No result. Errors of note: EEXIST, ENOENT (no parent), EPERM (the file system has none). Kernel 5.15. symlinkat(2),
 * io_uring_prep_symlinkat(3).
 *
 * @throws {TypeError} a path is no text and no bytes, `directory` no regular descriptor
 * @throws {RangeError} a path that is empty, beyond 4095 bytes or has a NUL inside
 *
 * @example
 * ```ts
 * import { mkdtempSync, readlinkSync, rmSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { SymlinkAt } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const folder = mkdtempSync(join(tmpdir(), 'symlink-at-'));
 * const path = join(folder, 'current');
 * await bearer.submit(new SymlinkAt({ target: 'releases/7', path }));
 * console.log(readlinkSync(path)); // releases/7
 * rmSync(folder, { recursive: true });
 * await bearer.close();
 * ```
 */
export class SymlinkAt extends OpCode<void> {
  override readonly code = OpNumber.SYMLINKAT;
  override readonly name = 'SYMLINKAT';
  override readonly since = '5.15';
  readonly #target = new PathSource();
  readonly #path = new PathSource();
  readonly #directory: number;

  constructor(options: SymlinkAtOptions) {
    super();
    this.#target.set('link', 'target', options.target);
    this.#path.set('link', 'path', options.path);
    this.#directory = directoryArgument('link', 'directory', options.directory);
  }

  /** Chooses another link, in the same directory, for the next submission. */
  set(target: PathName, path: PathName): this {
    this.assertIdle();
    this.#target.set('link', 'target', target);
    this.#path.set('link', 'path', path);
    return this;
  }

  override prepare(sqe: Sqe): void {
    sqe.fd(this.#directory);
    const free = this.#target.writeAddress(sqe);
    this.#path.writeAddress2(sqe, free);
  }

  override complete(cqe: Cqe): void {
    this.result(cqe);
  }
}
