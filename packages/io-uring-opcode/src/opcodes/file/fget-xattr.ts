import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber } from '../../abi.generated.js';
import { descriptorArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { PathSource } from '../../path-source.js';
import type { Sqe } from '../../sqe.js';
import { xattrName } from './xattr-argument.js';
import { type XattrInto, XattrTarget, type XattrValue } from './xattr-target.js';

/** Settings of an {@link FgetXattr}. */
export interface FgetXattrOptions extends XattrInto {
  /** An open file. */
  readonly descriptor: Descriptor;
  /** Name of the attribute with its namespace, 1 to 255 bytes: `'user.mime_type'`. */
  readonly name: string;
}

/**
 * Reads an extended attribute of an open file. Without `memory` the value goes to the operation's record.
 *
 * Result: {@link XattrValue}. Errors of note: ENODATA (no such attribute), ERANGE (the value is longer than there is
 * room), EOPNOTSUPP. Kernel 5.19. It always runs in a worker of the kernel's. fgetxattr(2), io_uring_prep_fgetxattr(3).
 *
 * @throws {TypeError} `descriptor` or `name` is none, `memory` no kernel memory
 * @throws {RangeError} a name that is empty, beyond 255 bytes or has a NUL inside; a range outside of the memory
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Close, FgetXattr, OpCodeError, OpenAt } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const descriptor = await bearer.submit(new OpenAt({ path: process.execPath }));
 * try {
 *   await bearer.submit(new FgetXattr({ descriptor, name: 'user.ringbearer' }));
 * } catch (error) {
 *   if (error instanceof OpCodeError) console.log(error.code); // ENODATA
 * }
 * await bearer.submit(new Close({ descriptor }));
 * await bearer.close();
 * ```
 */
export class FgetXattr extends OpCode<XattrValue> {
  override readonly code = OpNumber.FGETXATTR;
  override readonly name = 'FGETXATTR';
  override readonly since = '5.19';
  #descriptor: Descriptor;
  readonly #name: PathSource;
  readonly #target: XattrTarget;

  constructor(options: FgetXattrOptions) {
    super();
    this.#descriptor = descriptorArgument('get an attribute', 'descriptor', options.descriptor);
    this.#name = xattrName('get an attribute', options.name);
    this.#target = new XattrTarget(options);
  }

  /** Chooses another file for the next submission. */
  set(descriptor: Descriptor): this {
    this.assertIdle();
    this.#descriptor = descriptorArgument('get an attribute', 'descriptor', descriptor);
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
    sqe.descriptor(this.#descriptor);
    this.#name.writeAddress(sqe);
    this.#target.prepare(sqe);
  }

  override complete(cqe: Cqe): XattrValue {
    this.result(cqe);
    return this.#target.decode(cqe);
  }
}
