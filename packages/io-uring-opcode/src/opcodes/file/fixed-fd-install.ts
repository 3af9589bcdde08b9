import { type Descriptor, RawFd, TargetFd } from '@ringbearer/io-uring-fd';
import { OpFlag, OpNumber } from '../../abi.generated.js';
import { descriptorArgument, show } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { descriptorHint } from '../../descriptor-hint.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';
import { Close } from './close.js';

/** Settings of a {@link FixedFdInstall}. */
export interface FixedFdInstallOptions {
  /** A direct descriptor. */
  readonly descriptor: Descriptor;
  /** O_CLOEXEC on the new descriptor. Default true. */
  readonly closeOnExec?: boolean;
}

/**
 * Gives a direct descriptor a number in the process's table too, so that other libraries can use the same file. Both
 * then refer to it, and each is closed by itself.
 *
 * Result: the {@link RawFd}. Errors of note: EBADF (the slot is empty), EMFILE. Kernel 6.8.
 * io_uring_prep_fixed_fd_install(3).
 *
 * @throws {TypeError} `descriptor` is not a direct one
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { TargetFd } from '@ringbearer/io-uring-fd';
 * import { AddressFamily, Close, FixedFdInstall, Socket, SocketType } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8, RegisteredFd: 8 });
 * const direct = await bearer.submit(
 *   new Socket({ family: AddressFamily.INET, type: SocketType.STREAM, into: TargetFd.auto }),
 * );
 * const raw = await bearer.submit(new FixedFdInstall({ descriptor: direct }));
 * console.log(direct.direct, raw.direct); // true false
 * for (const descriptor of [direct, raw]) await bearer.submit(new Close({ descriptor }));
 * await bearer.close();
 * ```
 */
export class FixedFdInstall extends OpCode<RawFd> {
  override readonly code = OpNumber.FIXED_FD_INSTALL;
  override readonly name = 'FIXED_FD_INSTALL';
  override readonly since = '6.8';
  readonly #descriptor: Descriptor;
  readonly #flags: number;

  constructor(options: FixedFdInstallOptions) {
    super();
    const { descriptor, closeOnExec = true } = options;
    this.#descriptor = descriptorArgument('install', 'descriptor', descriptor);
    if (!descriptor.direct) {
      throw new TypeError(
        `Cannot install as descriptor must be a FixedFd: current value is ${show(descriptor)}`,
      );
    }
    this.#flags = closeOnExec ? 0 : OpFlag.FIXED_FD_NO_CLOEXEC;
  }

  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#descriptor);
    sqe.flags(this.#flags);
  }

  override complete(cqe: Cqe): RawFd {
    return new RawFd(this.result(cqe));
  }

  protected override hint(errno: number): string {
    return descriptorHint(errno, TargetFd.raw);
  }

  override discard(cqe: Cqe): Close | null {
    return cqe.res < 0 ? null : new Close({ descriptor: new RawFd(cqe.res) });
  }

  override discardResult(descriptor: RawFd): Close {
    return new Close({ descriptor });
  }
}
