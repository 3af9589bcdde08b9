import { type Descriptor, FixedFd, TargetFd } from '@ringbearer/io-uring-fd';
import { OpNumber } from '../../abi.generated.js';
import type { Cqe } from '../../cqe.js';
import { descriptorHint } from '../../descriptor-hint.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';
import { filesArgument } from './files-update.js';

/** Settings of a {@link FilesInstall}. */
export interface FilesInstallOptions {
  /** 1 to 64 regular descriptors. */
  readonly descriptors: readonly Descriptor[];
}

/**
 * Puts regular descriptors into slots the kernel chooses. They stay open under their own numbers; close each slot as well. The
 * kernel writes the slots into the operation's record.
 *
 * Result: the {@link FixedFd}s, which are fewer than the descriptors where one failed. Errors of note, for the first: EBADF
 * (no descriptor), ENFILE (no slot free), ENXIO (no table). Kernel 5.19. io_uring_prep_files_update(3).
 *
 * @throws {TypeError} `descriptors` is no array, or one of them direct
 * @throws {RangeError} none or more than 64
 *
 * @example
 * ```ts
 * import { openSync } from 'node:fs';
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { RawFd } from '@ringbearer/io-uring-fd';
 * import { Close, FilesInstall } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8, RegisteredFd: 8 });
 * const raw = new RawFd(openSync('/dev/null', 'r'));
 * const [direct] = await bearer.submit(new FilesInstall({ descriptors: [raw] }));
 * console.log(direct!.direct); // true
 * for (const descriptor of [direct!, raw]) await bearer.submit(new Close({ descriptor }));
 * await bearer.close();
 * ```
 */
export class FilesInstall extends OpCode<FixedFd[]> {
  override readonly code = OpNumber.FILES_UPDATE;
  override readonly name = 'FILES_UPDATE';
  override readonly since = '5.19';
  #descriptors: readonly number[];

  constructor(options: FilesInstallOptions) {
    super();
    this.#descriptors = filesArgument('install files', options.descriptors, false);
  }

  /** Chooses descriptors for the next submission. */
  set(descriptors: readonly Descriptor[]): this {
    this.assertIdle();
    this.#descriptors = filesArgument('install files', descriptors, false);
    return this;
  }

  override release(final?: Cqe): void {
    if (final === undefined || final.res < 0) return;
    for (const { number } of this.complete(final)) final.files?.opened(number);
  }

  override prepare(sqe: Sqe): void {
    this.#descriptors.forEach((number, i) => {
      sqe.record.setUint32(4 * i, number);
    });
    sqe.recordAddress(0);
    sqe.length(this.#descriptors.length);
    sqe.offset(-1, -1); // IORING_FILE_INDEX_ALLOC, as liburing widens it
  }

  override complete(cqe: Cqe): FixedFd[] {
    const count = this.result(cqe);
    return Array.from({ length: count }, (_, i) => new FixedFd(cqe.record.getUint32(4 * i)));
  }

  protected override hint(errno: number): string {
    return descriptorHint(errno, TargetFd.auto);
  }
}
