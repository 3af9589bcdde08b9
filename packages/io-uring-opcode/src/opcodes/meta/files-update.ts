import { type Descriptor, FIXED_FILES_MAX } from '@ringbearer/io-uring-fd';
import { OpNumber } from '../../abi.generated.js';
import { integerArgument, rawDescriptorArgument, show } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { RECORD_BYTES } from '../../record-memory.js';
import type { Sqe } from '../../sqe.js';

/** Slots one operation may change: what has room in the record. */
export const FILES_UPDATE_MAX = RECORD_BYTES / 4;

/** Settings of a {@link FilesUpdate}. */
export interface FilesUpdateOptions {
  /** The first slot to change. */
  readonly first: number;
  /** What goes into it and the ones behind: 1 to 64 regular descriptors, or null to empty a slot. */
  readonly descriptors: readonly (Descriptor | null)[];
}

/**
 * Changes slots of the table of direct descriptors, in order with other operations. The regular descriptors stay open under
 * their own numbers. The bearer's `files` keep books of the slots they hand out: change those through them.
 *
 * Result: slots changed, which are fewer where one failed. Errors of note, for the first: EBADF (no descriptor), EINVAL (a slot
 * beyond the table), ENXIO (no table). Kernel 5.6. io_uring_prep_files_update(3).
 *
 * @throws {TypeError} `descriptors` is no array, or one of them direct
 * @throws {RangeError} none or more than 64, `first` out of range
 *
 * @example
 * ```ts
 * import { openSync } from 'node:fs';
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { FixedFd, RawFd } from '@ringbearer/io-uring-fd';
 * import { Close, FilesUpdate, Read } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8, RegisteredFd: 8 });
 * const raw = new RawFd(openSync('/proc/version', 'r'));
 * await bearer.submit(new FilesUpdate({ first: 5, descriptors: [raw] }));
 * const memory = bearer.allocate(5);
 * await bearer.submit(new Read({ descriptor: new FixedFd(5), memory }));
 * console.log(memory.toString()); // Linux
 * memory.release();
 * await bearer.submit(new FilesUpdate({ first: 5, descriptors: [null] }));
 * await bearer.submit(new Close({ descriptor: raw }));
 * await bearer.close();
 * ```
 */
export class FilesUpdate extends OpCode<number> {
  override readonly code = OpNumber.FILES_UPDATE;
  override readonly name = 'FILES_UPDATE';
  override readonly since = '5.6';
  #first = 0;
  #descriptors: readonly number[] = [];

  constructor(options: FilesUpdateOptions) {
    super();
    this.#choose(options.first, options.descriptors);
  }

  /** Chooses slots for the next submission. */
  set(first: number, descriptors: readonly (Descriptor | null)[]): this {
    this.assertIdle();
    this.#choose(first, descriptors);
    return this;
  }

  override release(final?: Cqe): void {
    const { files = null, res = 0 } = final ?? {};
    if (files === null) return;
    // The first `res` were done.
    for (let i = 0; i < res; i++) {
      if (this.#descriptors[i]! < 0) files.emptied(this.#first + i);
      else files.opened(this.#first + i);
    }
  }

  override prepare(sqe: Sqe): void {
    this.#descriptors.forEach((number, i) => {
      sqe.record.setUint32(4 * i, number);
    });
    sqe.recordAddress(0);
    sqe.length(this.#descriptors.length);
    sqe.offset(this.#first);
  }

  override complete(cqe: Cqe): number {
    return this.result(cqe);
  }

  #choose(first: number, descriptors: readonly (Descriptor | null)[]): void {
    this.#first = integerArgument('update files', 'first', first, 0, FIXED_FILES_MAX - 1);
    this.#descriptors = filesArgument('update files', descriptors, true);
  }
}

/** The numbers of regular descriptors; -1 stands for null. */
export function filesArgument(
  action: string,
  descriptors: readonly (Descriptor | null)[],
  empty: boolean,
): readonly number[] {
  if (!Array.isArray(descriptors)) {
    throw new TypeError(
      `Cannot ${action} as descriptors must be an array: current value is ${show(descriptors)}`,
    );
  }
  const count = integerArgument(
    action,
    'descriptors.length',
    descriptors.length,
    1,
    FILES_UPDATE_MAX,
  );
  // An array of our own: that of a subclass may say another length later.
  return Array.from({ length: count }, (_, i) => {
    const one = descriptors[i];
    if (one === null && empty) return -1;
    return rawDescriptorArgument(action, `descriptors[${i}]`, one).number;
  });
}
