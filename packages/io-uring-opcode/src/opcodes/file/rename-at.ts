import { OpNumber } from '../../abi.generated.js';
import { integerArgument, UINT32_MAX } from '../../argument.js';
import { BetweenNames, type BetweenNamesOptions } from './between-names.js';

/** Settings of a {@link RenameAt}. */
export interface RenameAtOptions extends BetweenNamesOptions {
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
export class RenameAt extends BetweenNames {
  override readonly code = OpNumber.RENAMEAT;
  override readonly name = 'RENAMEAT';
  override readonly since = '5.11';

  constructor(options: RenameAtOptions) {
    const { flags = 0 } = options;
    super('rename', options, integerArgument('rename', 'flags', flags, 0, UINT32_MAX));
  }
}
