import { OpNumber } from '../../abi.generated.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { type PathName, PathSource } from '../../path-source.js';
import type { Sqe } from '../../sqe.js';
import { type TransferBytes, TransferSource } from '../../transfer-source.js';
import { type XattrMode, xattrFlags, xattrName } from './xattr-argument.js';

/** Settings of a {@link SetXattr}. */
export interface SetXattrOptions {
  /** The file; symbolic links are followed. */
  readonly path: PathName;
  /** Name of the attribute with its namespace, 1 to 255 bytes: `'user.mime_type'`. */
  readonly name: string;
  /** Its value, up to 65536 bytes: kernel memory, or an array of the caller's that he leaves alone until the completion. */
  readonly data: TransferBytes;
  /** `'create'` fails where it exists, `'replace'` where it does not. Default `'any'`. */
  readonly mode?: XattrMode;
}

/**
 * Sets an extended attribute of a file by its path.
 *
 * No result. Errors of note: EEXIST and ENODATA (see `mode`), EOPNOTSUPP (the file system has none, or not this
 * namespace), EPERM, ENOSPC, E2BIG. Kernel 5.19. It always runs in a worker of the kernel's. setxattr(2),
 * io_uring_prep_setxattr(3).
 *
 * @throws {TypeError} `path`, `name` or `data` is none, an unknown `mode`
 * @throws {RangeError} a path or name that is empty, too long or has a NUL inside
 *
 * @example
 * ```ts
 * import { rmSync, writeFileSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { GetXattr, OpCodeError, SetXattr } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const path = join(tmpdir(), `set-xattr-${process.pid}`);
 * writeFileSync(path, '');
 * const name = 'user.mime_type';
 * try {
 *   await bearer.submit(new SetXattr({ path, name, data: new TextEncoder().encode('text/html') }));
 *   console.log((await bearer.submit(new GetXattr({ path, name }))).length); // 9
 * } catch (error) {
 *   if (error instanceof OpCodeError) console.log(error.code); // EOPNOTSUPP where the file system has none
 * }
 * rmSync(path);
 * await bearer.close();
 * ```
 */
export class SetXattr extends OpCode<void> {
  override readonly code = OpNumber.SETXATTR;
  override readonly name = 'SETXATTR';
  override readonly since = '5.19';
  readonly #path = new PathSource();
  readonly #name: PathSource;
  readonly #source = new TransferSource();
  readonly #flags: number;

  constructor(options: SetXattrOptions) {
    super();
    const { path, name, data, mode = 'any' } = options;
    this.#path.set('set an attribute', 'path', path);
    this.#name = xattrName('set an attribute', name);
    this.#source.set('set an attribute', data);
    this.#flags = xattrFlags(mode);
  }

  /** Chooses file and data for the next submission. */
  set(path: PathName, data: TransferBytes): this {
    this.assertIdle();
    this.#path.set('set an attribute', 'path', path);
    this.#source.set('set an attribute', data);
    return this;
  }

  override acquire(): void {
    this.#source.acquire();
  }
  override release(): void {
    this.#source.release();
  }
  override rollback(): void {
    this.#source.rollback();
  }

  override prepare(sqe: Sqe): void {
    sqe.fd(0);
    const free = this.#name.writeAddress(sqe);
    this.#path.writeAddress3(sqe, free);
    this.#source.prepare2(sqe);
    sqe.flags(this.#flags);
  }

  override complete(cqe: Cqe): void {
    this.#source.assertAttached();
    this.result(cqe);
  }
}
