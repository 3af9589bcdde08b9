import { OpNumber, PathFlag } from '../../abi.generated.js';
import { BetweenNames, type BetweenNamesOptions } from './between-names.js';

/** Settings of a {@link LinkAt}. */
export interface LinkAtOptions extends BetweenNamesOptions {
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
export class LinkAt extends BetweenNames {
  override readonly code = OpNumber.LINKAT;
  override readonly name = 'LINKAT';
  override readonly since = '5.15';

  constructor(options: LinkAtOptions) {
    super('link', options, options.followLinks ? PathFlag.SYMLINK_FOLLOW : 0);
  }
}
