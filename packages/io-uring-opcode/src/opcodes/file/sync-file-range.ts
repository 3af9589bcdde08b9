import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpNumber, SyncRangeFlag } from '../../abi.generated.js';
import { descriptorArgument, integerArgument, UINT32_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link SyncFileRange}. */
export interface SyncFileRangeOptions {
  /** A file, regular or direct. */
  readonly descriptor: Descriptor;
  /** First byte. Default 0. */
  readonly position?: number;
  /** Bytes, below 2^32. Default 0: to the end of the file. */
  readonly length?: number;
  /** Bits of {@link SyncRangeFlag}. Default WRITE: start writing out, wait for nothing. */
  readonly flags?: number;
}

/**
 * Starts, or waits for, the writing of a range of a file's pages. No promise of durability: metadata and the disk's own cache
 * are left out, see {@link Fsync}. It keeps the amount of unwritten pages down while a large file grows.
 *
 * No result. Errors of note: EIO, ESPIPE (not a file). Kernel 5.2. sync_file_range(2), io_uring_prep_sync_file_range(3).
 *
 * @throws {TypeError} `descriptor` is none
 * @throws {RangeError} `position`, `length` or `flags` out of range
 *
 * @example
 * ```ts
 * import { rmSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Close, OpenAt, OpenFlag, SyncFileRange, Write } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const path = join(tmpdir(), `sync-file-range-${process.pid}`);
 * const flags = OpenFlag.WRONLY | OpenFlag.CREAT;
 * const descriptor = await bearer.submit(new OpenAt({ path, flags }));
 * await bearer.submit(new Write({ descriptor, data: new Uint8Array(8192) }));
 * await bearer.submit(new SyncFileRange({ descriptor, length: 4096 }));
 * console.log('the first page is on its way');
 * await bearer.submit(new Close({ descriptor }));
 * rmSync(path);
 * await bearer.close();
 * ```
 */
export class SyncFileRange extends OpCode<void> {
  override readonly code = OpNumber.SYNC_FILE_RANGE;
  override readonly name = 'SYNC_FILE_RANGE';
  override readonly since = '5.2';
  readonly #descriptor: Descriptor;
  #position: number;
  #length: number;
  readonly #flags: number;

  constructor(options: SyncFileRangeOptions) {
    super();
    const { descriptor, position = 0, length = 0, flags = SyncRangeFlag.WRITE } = options;
    this.#descriptor = descriptorArgument('sync', 'descriptor', descriptor);
    this.#position = integerArgument('sync', 'position', position, 0);
    this.#length = integerArgument('sync', 'length', length, 0, UINT32_MAX);
    this.#flags = integerArgument('sync', 'flags', flags, 0, UINT32_MAX);
  }

  /** Chooses another range for the next submission. */
  set(position: number, length: number): this {
    this.assertIdle();
    this.#position = integerArgument('sync', 'position', position, 0);
    this.#length = integerArgument('sync', 'length', length, 0, UINT32_MAX);
    return this;
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#descriptor);
    sqe.fileOffset(this.#position);
    sqe.length(this.#length | 0);
    sqe.flags(this.#flags | 0);
  }

  override complete(cqe: Cqe): void {
    this.result(cqe);
  }
}
