import { type Descriptor, TargetFd } from '@ringbearer/io-uring-fd';
import { CommonOpenFlag, OpNumber } from '../../abi.generated.js';
import { show } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { descriptorHint } from '../../descriptor-hint.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link Pipe}. */
export interface PipeOptions {
  /** Where the ends go. Default `TargetFd.raw`: close-on-exec. `TargetFd.slot(n)`: slots n and n + 1. */
  readonly into?: TargetFd;
  /** O_NONBLOCK on both ends: for other users of them, as a ring waits by itself. Default false. */
  readonly nonBlocking?: boolean;
}

/** Both ends of a pipe. */
export interface PipeEnds {
  /** Where what was written is read. */
  readonly readEnd: Descriptor;
  /** Where to write. */
  readonly writeEnd: Descriptor;
}

/**
 * Makes a pipe. The kernel writes the two numbers into the operation's record. It completes while it is submitted, so
 * there is no cancellation that could lose them.
 *
 * Result: {@link PipeEnds}. Errors of note: EMFILE, ENFILE (no direct slots). Kernel 6.16. pipe2(2),
 * io_uring_prep_pipe(3).
 *
 * @throws {TypeError} `into` is no TargetFd
 * @throws {RangeError} `into` is the last slot there can be
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Close, Pipe, Write } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * if (bearer.probe().has('PIPE')) {
 *   const { readEnd, writeEnd } = await bearer.submit(new Pipe());
 *   console.log(await bearer.submit(new Write({ descriptor: writeEnd, data: new Uint8Array(3) }))); // 3
 *   for (const descriptor of [readEnd, writeEnd]) await bearer.submit(new Close({ descriptor }));
 * }
 * await bearer.close();
 * ```
 */
export class Pipe extends OpCode<PipeEnds> {
  override readonly code = OpNumber.PIPE;
  override readonly name = 'PIPE';
  override readonly since = '6.16';
  readonly #into: TargetFd;
  /** The slot behind the first, where one was chosen. */
  readonly #second: TargetFd;
  readonly #flags: number;

  constructor(options: PipeOptions = {}) {
    super();
    const { into = TargetFd.raw, nonBlocking = false } = options;
    if (!(into instanceof TargetFd)) {
      throw new TypeError(
        `Cannot make a pipe as into must be a TargetFd: current value is ${show(into)}`,
      );
    }
    this.#into = into;
    const chosen = into.direct && !into.automatic;
    this.#second = chosen ? TargetFd.slot(into.fileIndex) : into; // file_index is the slot + 1
    // Close-on-exec is for the process's table: the kernel answers EINVAL to it for direct descriptors.
    this.#flags =
      (into.direct ? 0 : CommonOpenFlag.CLOEXEC) | (nonBlocking ? CommonOpenFlag.NONBLOCK : 0);
  }

  override release(final?: Cqe): void {
    if (!this.#into.direct || final === undefined || final.res < 0) return;
    const { readEnd, writeEnd } = this.complete(final);
    final.files?.opened(readEnd.number);
    final.files?.opened(writeEnd.number);
  }

  override prepare(sqe: Sqe): void {
    sqe.fd(0);
    sqe.recordAddress(0);
    sqe.flags(this.#flags);
    sqe.fileIndex(this.#into.fileIndex);
  }

  override complete(cqe: Cqe): PipeEnds {
    this.result(cqe);
    // The kernel reports nothing of use for a slot that was chosen, and descriptor() then looks at none.
    return {
      readEnd: this.#into.descriptor(cqe.record.getUint32(0)),
      writeEnd: this.#second.descriptor(cqe.record.getUint32(4)),
    };
  }

  protected override hint(errno: number): string {
    return descriptorHint(errno, this.#into);
  }
}
