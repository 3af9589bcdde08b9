import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber, PathFlag } from '../../abi.generated.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { directoryArgument, type PathName, PathSource } from '../../path-source.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link LinkAt}. */
export interface LinkAtOptions {
  /** A present name of the file: 1 to 4095 bytes. */
  readonly from: PathName;
  /** The further name: 1 to 4095 bytes, in the same file system. */
  readonly to: PathName;
  /** Where a relative `from` begins: a regular descriptor of a directory. Default: the current directory. */
  readonly fromDirectory?: Descriptor;
  /** Where a relative `to` begins: a regular descriptor of a directory. Default: the current directory. */
  readonly toDirectory?: Descriptor;
  /** Where `from` is a symbolic link: name what it points to instead of the link. Default false. */
  readonly followLinks?: boolean;
}

/**
 * Gives a file a further name: a hard link.
 *
 * No result. Errors of note: EEXIST, ENOENT, EXDEV (another file system), EPERM (a directory), EMLINK. Kernel 5.15.
 * linkat(2), io_uring_prep_linkat(3).
 *
 * @throws {TypeError} a path is no text and no bytes, a directory no regular descriptor
 * @throws {RangeError} a path that is empty, beyond 4095 bytes or has a NUL inside
 *
 * @example
 * ```ts
 * import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { LinkAt } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const folder = mkdtempSync(join(tmpdir(), 'link-at-'));
 * const from = join(folder, 'one');
 * writeFileSync(from, 'text');
 * await bearer.submit(new LinkAt({ from, to: join(folder, 'two') }));
 * console.log(statSync(from).nlink); // 2
 * rmSync(folder, { recursive: true });
 * await bearer.close();
 * ```
 */
export class LinkAt extends OpCode<void> {
  override readonly code = OpNumber.LINKAT;
  override readonly name = 'LINKAT';
  override readonly since = '5.15';
  readonly #from = new PathSource();
  readonly #to = new PathSource();
  readonly #fromDirectory: number;
  readonly #toDirectory: number;
  readonly #flags: number;

  constructor(options: LinkAtOptions) {
    super();
    const { from, to, fromDirectory, toDirectory, followLinks = false } = options;
    this.#from.set('link', 'from', from);
    this.#to.set('link', 'to', to);
    this.#fromDirectory = directoryArgument('link', 'fromDirectory', fromDirectory);
    this.#toDirectory = directoryArgument('link', 'toDirectory', toDirectory);
    this.#flags = followLinks ? PathFlag.SYMLINK_FOLLOW : 0;
  }

  /** Chooses other names, in the same directories, for the next submission. */
  set(from: PathName, to: PathName): this {
    this.assertIdle();
    this.#from.set('link', 'from', from);
    this.#to.set('link', 'to', to);
    return this;
  }

  override prepare(sqe: Sqe): void {
    sqe.fd(this.#fromDirectory);
    const free = this.#from.writeAddress(sqe);
    this.#to.writeAddress2(sqe, free);
    sqe.length(this.#toDirectory);
    sqe.flags(this.#flags);
  }

  override complete(cqe: Cqe): void {
    this.result(cqe);
  }
}
