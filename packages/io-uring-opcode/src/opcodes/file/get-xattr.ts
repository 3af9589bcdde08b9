import { OpNumber } from '../../abi.generated.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { type PathName, PathSource } from '../../path-source.js';
import type { Sqe } from '../../sqe.js';
import { xattrName } from './xattr-argument.js';
import { type XattrInto, XattrTarget, type XattrValue } from './xattr-target.js';

/** Settings of a {@link GetXattr}. */
export interface GetXattrOptions extends XattrInto {
  /** The file; symbolic links are followed. */
  readonly path: PathName;
  /** Name of the attribute with its namespace, 1 to 255 bytes: `'user.mime_type'`. */
  readonly name: string;
}

/**
 * Reads an extended attribute of a file by its path. Without `memory` the value goes to the operation's record.
 *
 * Result: {@link XattrValue}. Errors of note: ENODATA (no such attribute), ERANGE (the value is longer than there is
 * room), EOPNOTSUPP, ENOENT. Kernel 5.19. It always runs in a worker of the kernel's. getxattr(2),
 * io_uring_prep_getxattr(3).
 *
 * @throws {TypeError} `path` or `name` is none, `memory` no kernel memory
 * @throws {RangeError} a path or name that is empty, too long or has a NUL inside; a range outside of the memory
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { GetXattr, OpCodeError } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * try {
 *   await bearer.submit(new GetXattr({ path: process.execPath, name: 'user.ringbearer' }));
 * } catch (error) {
 *   if (error instanceof OpCodeError) console.log(error.code); // ENODATA
 * }
 * await bearer.close();
 * ```
 */
export class GetXattr extends OpCode<XattrValue> {
  override readonly code = OpNumber.GETXATTR;
  override readonly name = 'GETXATTR';
  override readonly since = '5.19';
  readonly #path = new PathSource();
  readonly #name: PathSource;
  readonly #target: XattrTarget;

  constructor(options: GetXattrOptions) {
    super();
    this.#path.set('get an attribute', 'path', options.path);
    this.#name = xattrName('get an attribute', options.name);
    this.#target = new XattrTarget(options);
  }

  /** Chooses another file for the next submission. */
  set(path: PathName): this {
    this.assertIdle();
    this.#path.set('get an attribute', 'path', path);
    return this;
  }

  override acquire(): void {
    this.#target.acquire();
  }
  override release(): void {
    this.#target.release();
  }
  override rollback(): void {
    this.#target.rollback();
  }

  override prepare(sqe: Sqe): void {
    sqe.fd(0);
    const free = this.#name.writeAddress(sqe);
    this.#path.writeAddress3(sqe, free);
    this.#target.prepare(sqe);
  }

  override complete(cqe: Cqe): XattrValue {
    this.result(cqe);
    return this.#target.decode(cqe);
  }
}
