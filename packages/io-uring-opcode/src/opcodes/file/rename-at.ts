import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber } from '../../abi.generated.js';
import { integerArgument, UINT32_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { directoryArgument, type PathName, PathSource } from '../../path-source.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link RenameAt}. */
export interface RenameAtOptions {
  /** The present name: 1 to 4095 bytes. */
  readonly from: PathName;
  /** The new name: 1 to 4095 bytes, in the same file system. */
  readonly to: PathName;
  /** Where a relative `from` begins: a regular descriptor of a directory. Default: the current directory. */
  readonly fromDirectory?: Descriptor;
  /** Where a relative `to` begins: a regular descriptor of a directory. Default: the current directory. */
  readonly toDirectory?: Descriptor;
  /** Bits of {@link RenameFlag}. Default 0: what is at `to` is replaced. */
  readonly flags?: number;
}

/**
 * Gives a file another name, in one step that nobody sees half done.
 *
 * No result. Errors of note: ENOENT, EEXIST (`RenameFlag.NOREPLACE`), ENOTEMPTY, EISDIR, EXDEV (another file system), EINVAL
 * (flags the file system does not know). Kernel 5.11. renameat2(2), io_uring_prep_renameat(3).
 *
 * @throws {TypeError} a path is no text and no bytes, a directory no regular descriptor
 * @throws {RangeError} a path that is empty, beyond 4095 bytes or has a NUL inside; flags beyond 32 bits
 *
 * @example
 * ```ts
 * import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { RenameAt, RenameFlag } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const folder = mkdtempSync(join(tmpdir(), 'rename-at-'));
 * writeFileSync(join(folder, 'draft'), 'text');
 * await bearer.submit(
 *   new RenameAt({
 *     from: join(folder, 'draft'),
 *     to: join(folder, 'final'),
 *     flags: RenameFlag.NOREPLACE,
 *   }),
 * );
 * console.log(readdirSync(folder).join()); // final
 * rmSync(folder, { recursive: true });
 * await bearer.close();
 * ```
 */
export class RenameAt extends OpCode<void> {
  override readonly code = OpNumber.RENAMEAT;
  override readonly name = 'RENAMEAT';
  override readonly since = '5.11';
  readonly #from = new PathSource();
  readonly #to = new PathSource();
  readonly #fromDirectory: number;
  readonly #toDirectory: number;
  readonly #flags: number;

  constructor(options: RenameAtOptions) {
    super();
    const { from, to, fromDirectory, toDirectory, flags = 0 } = options;
    this.#from.set('rename', 'from', from);
    this.#to.set('rename', 'to', to);
    this.#fromDirectory = directoryArgument('rename', 'fromDirectory', fromDirectory);
    this.#toDirectory = directoryArgument('rename', 'toDirectory', toDirectory);
    this.#flags = integerArgument('rename', 'flags', flags, 0, UINT32_MAX);
  }

  /** Chooses other names, in the same directories, for the next submission. */
  set(from: PathName, to: PathName): this {
    this.assertIdle();
    this.#from.set('rename', 'from', from);
    this.#to.set('rename', 'to', to);
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
