import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber } from '../../abi.generated.js';
import { descriptorArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { PathSource } from '../../path-source.js';
import type { Sqe } from '../../sqe.js';
import { type TransferBytes, TransferSource } from '../../transfer-source.js';
import { type XattrMode, xattrFlags, xattrName } from './xattr-argument.js';

/** Settings of an {@link FsetXattr}. */
export interface FsetXattrOptions {
  /** An open file. */
  readonly descriptor: Descriptor;
  /** Name of the attribute with its namespace, 1 to 255 bytes: `'user.mime_type'`. */
  readonly name: string;
  /** Its value, up to 65536 bytes: kernel memory, or an array of the caller's that he leaves alone until the completion. */
  readonly data: TransferBytes;
  /** `'create'` fails where it exists, `'replace'` where it does not. Default `'any'`. */
  readonly mode?: XattrMode;
}

/**
 * Sets an extended attribute of an open file.
 *
 * No result. Errors of note: EEXIST and ENODATA (see `mode`), EOPNOTSUPP (the file system has none, or not this
 * namespace), EPERM, ENOSPC, E2BIG. Kernel 5.19. It always runs in a worker of the kernel's. fsetxattr(2),
 * io_uring_prep_fsetxattr(3).
 *
 * @throws {TypeError} `descriptor`, `name` or `data` is none, an unknown `mode`
 * @throws {RangeError} a name that is empty, beyond 255 bytes or has a NUL inside
 *
 * @example
 * ```ts
 * import { rmSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Close, FsetXattr, OpCodeError, OpenAt, OpenFlag } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const path = join(tmpdir(), `fset-xattr-${process.pid}`);
 * const flags = OpenFlag.RDWR | OpenFlag.CREAT;
 * const descriptor = await bearer.submit(new OpenAt({ path, flags }));
 * const data = new TextEncoder().encode('text/html');
 * try {
 *   await bearer.submit(new FsetXattr({ descriptor, name: 'user.mime_type', data }));
 *   console.log('set');
 * } catch (error) {
 *   if (error instanceof OpCodeError) console.log(error.code); // EOPNOTSUPP where the file system has none
 * }
 * await bearer.submit(new Close({ descriptor }));
 * rmSync(path);
 * await bearer.close();
 * ```
 */
export class FsetXattr extends OpCode<void> {
  override readonly code = OpNumber.FSETXATTR;
  override readonly name = 'FSETXATTR';
  override readonly since = '5.19';
  #descriptor: Descriptor;
  readonly #name: PathSource;
  readonly #source = new TransferSource();
  readonly #flags: number;

  constructor(options: FsetXattrOptions) {
    super();
    const { descriptor, name, data, mode = 'any' } = options;
    this.#descriptor = descriptorArgument('set an attribute', 'descriptor', descriptor);
    this.#name = xattrName('set an attribute', name);
    this.#source.set('set an attribute', data);
    this.#flags = xattrFlags(mode);
  }

  /** Chooses file and data for the next submission. */
  set(descriptor: Descriptor, data: TransferBytes): this {
    this.assertIdle();
    this.#descriptor = descriptorArgument('set an attribute', 'descriptor', descriptor);
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
    sqe.descriptor(this.#descriptor);
    this.#name.writeAddress(sqe);
    this.#source.prepare2(sqe);
    sqe.flags(this.#flags);
  }

  override complete(cqe: Cqe): void {
    this.#source.assertAttached();
    this.result(cqe);
  }
}
