import { OpFlag, OpNumber } from '../../abi.generated.js';
import { integerArgument } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link Nop}. */
export interface NopOptions {
  /** What the kernel shall answer: a signed 32-bit integer, negative to fail with that errno. Default 0. Since 6.10. */
  readonly result?: number;
}

/**
 * Does nothing and completes. For measuring a ring, waking whoever waits on it, and, with `result`, rehearsing errors.
 *
 * Result: `res` as the kernel gives it. Kernel 5.1 (`result`: 6.10). io_uring_prep_nop(3).
 *
 * @throws {RangeError} `result` is no signed 32-bit integer
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Nop } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * console.log(await bearer.submit(new Nop())); // 0
 * await bearer.close();
 * ```
 */
export class Nop extends OpCode<number> {
  override readonly code = OpNumber.NOP;
  override readonly name = 'NOP';
  override readonly since: string;
  readonly #result: number | null;

  constructor(options: NopOptions = {}) {
    super();
    const { result } = options;
    this.#result =
      result === undefined
        ? null
        : integerArgument('do nothing', 'result', result, -0x8000_0000, 0x7fff_ffff);
    this.since = this.#result === null ? '5.1' : '6.10';
  }

  override prepare(sqe: Sqe): void {
    if (this.#result === null) return;
    sqe.length(this.#result);
    sqe.flags(OpFlag.NOP_INJECT_RESULT);
  }

  override complete(cqe: Cqe): number {
    return this.result(cqe);
  }
}
