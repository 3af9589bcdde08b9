import type { Descriptor } from '@ringbearer/io-uring-fd';
import { OpFlag, OpNumber } from '../../abi.generated.js';
import { descriptorArgument, integerArgument, UINT32_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';

/** Settings of an {@link Fsync}. */
export interface FsyncOptions {
  /** A file, regular or direct. */
  readonly descriptor: Descriptor;
  /** Data, and only the metadata needed to find it again: fdatasync(2). Default false. */
  readonly dataOnly?: boolean;
  /** First byte to write out. Default 0. */
  readonly position?: number;
  /** Bytes to write out, below 2^32. Default 0: to the end of the file. */
  readonly length?: number;
}

/**
 * Writes what the kernel holds of a file to the disk, and waits for that. It does not wait for writes that are still in
 * flight on the ring: link it behind them, or await them first.
 *
 * No result. Errors of note: EIO (bytes are lost: fsync(2) on what to do then), EINVAL (not a file that can be synced). Kernel
 * 5.1. It always runs in a worker of the kernel's. fsync(2), io_uring_prep_fsync(3).
 *
 * @throws {TypeError} `descriptor` is none
 * @throws {RangeError} `position` or `length` out of range
 *
 * @example
 * ```ts
 * import { rmSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Close, Fsync, OpenAt, OpenFlag, SubmissionFlags, Write } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const path = join(tmpdir(), `fsync-${process.pid}`);
 * const flags = OpenFlag.WRONLY | OpenFlag.CREAT;
 * const descriptor = await bearer.submit(new OpenAt({ path, flags }));
 * const written = bearer.submit(new Write({ descriptor, data: new Uint8Array(100) }), {
 *   flags: SubmissionFlags.LINK,
 * });
 * await bearer.submit(new Fsync({ descriptor, dataOnly: true }));
 * console.log(await written); // 100
 * await bearer.submit(new Close({ descriptor }));
 * rmSync(path);
 * await bearer.close();
 * ```
 */
export class Fsync extends OpCode<void> {
  override readonly code = OpNumber.FSYNC;
  override readonly name = 'FSYNC';
  override readonly since = '5.1';
  #descriptor: Descriptor;
  readonly #flags: number;
  readonly #position: number;
  readonly #length: number;

  constructor(options: FsyncOptions) {
    super();
    const { descriptor, dataOnly = false, position = 0, length = 0 } = options;
    this.#descriptor = descriptorArgument('sync', 'descriptor', descriptor);
    this.#flags = dataOnly ? OpFlag.FSYNC_DATASYNC : 0;
    this.#position = integerArgument('sync', 'position', position, 0);
    this.#length = integerArgument('sync', 'length', length, 0, UINT32_MAX);
  }

  /** Chooses another file for the next submission. */
  set(descriptor: Descriptor): this {
    this.assertIdle();
    this.#descriptor = descriptorArgument('sync', 'descriptor', descriptor);
    return this;
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#descriptor);
    sqe.fileOffset(this.#position);
    sqe.length(this.#length | 0);
    sqe.flags(this.#flags);
  }

  override complete(cqe: Cqe): void {
    this.result(cqe);
  }
}
