import { ChildCode, OpNumber, WaitOption, WaitTarget } from '../../abi.generated.js';
import { integerArgument, show, UINT32_MAX } from '../../argument.js';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import type { Sqe } from '../../sqe.js';

/** Settings of a {@link WaitId}. */
export interface WaitIdOptions {
  /** Whom: a process, a process group, any child, or the process of a pidfd. Default `'process'`. */
  readonly who?: 'process' | 'group' | 'any' | 'pidfd';
  /** Its number. Default 0, for `'any'`. */
  readonly id?: number;
  /** Bits of {@link WaitOption}: what to wait for. Default EXITED and NOWAIT. */
  readonly options?: number;
}

/** What became of a child. */
export interface ChildStatus {
  /** The child. */
  readonly processId: number;
  /** Its real user. */
  readonly userId: number;
  /** What happened to it. */
  readonly what: 'exited' | 'killed' | 'dumped' | 'trapped' | 'stopped' | 'continued';
  /** The exit code of `'exited'`, otherwise the number of the signal. */
  readonly status: number;
}

const TARGETS = {
  any: WaitTarget.ALL,
  process: WaitTarget.PID,
  group: WaitTarget.PGID,
  pidfd: WaitTarget.PIDFD,
} as const;

const CODES: ReadonlyMap<number, ChildStatus['what']> = new Map([
  [ChildCode.EXITED, 'exited'],
  [ChildCode.KILLED, 'killed'],
  [ChildCode.DUMPED, 'dumped'],
  [ChildCode.TRAPPED, 'trapped'],
  [ChildCode.STOPPED, 'stopped'],
  [ChildCode.CONTINUED, 'continued'],
]);

// struct siginfo of SIGCHLD on 64-bit machines: the union begins at 16.
const SIGNAL = 0;
const CODE = 8;
const PID = 16;
const UID = 20;
const STATUS = 24;
const SIGINFO_BYTES = 128;

/**
 * Waits for a child process: until it ends, stops or goes on. The children of node:child_process are reaped by the event
 * loop: leave WaitOption.NOWAIT set for those, so that it still finds them.
 *
 * Result: {@link ChildStatus}, or null with WaitOption.NOHANG when there is nothing to tell. Errors of note: ECHILD (no such
 * child, or reaped already), EINVAL (nothing to wait for in `options`). Kernel 6.7. waitid(2), io_uring_prep_waitid(3).
 *
 * @throws {TypeError} an unknown `who`
 * @throws {RangeError} `id` or `options` out of range
 *
 * @example
 * ```ts
 * import { spawn } from 'node:child_process';
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { WaitId } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * if (bearer.probe().has('WAITID')) {
 *   const child = spawn(process.execPath, ['-e', 'setTimeout(() => process.exit(3), 50)']);
 *   const status = await bearer.submit(new WaitId({ id: child.pid! }));
 *   console.log(status?.what, status?.status); // exited 3
 * }
 * await bearer.close();
 * ```
 */
export class WaitId extends OpCode<ChildStatus | null> {
  override readonly code = OpNumber.WAITID;
  override readonly name = 'WAITID';
  override readonly since = '6.7';
  readonly #who: number;
  #id: number;
  readonly #options: number;

  constructor(options: WaitIdOptions = {}) {
    super();
    const {
      who = 'process',
      id = 0,
      options: bits = WaitOption.EXITED | WaitOption.NOWAIT,
    } = options;
    if (!Object.hasOwn(TARGETS, who)) {
      throw new TypeError(
        `Cannot wait for a child as who must be process, group, any or pidfd: current value is ${show(who)}`,
      );
    }
    this.#who = TARGETS[who];
    this.#id = integerArgument('wait for a child', 'id', id, 0, 0x7fff_ffff);
    this.#options = integerArgument('wait for a child', 'options', bits, 0, UINT32_MAX);
  }

  /** Chooses another child for the next submission. */
  set(id: number): this {
    this.assertIdle();
    this.#id = integerArgument('wait for a child', 'id', id, 0, 0x7fff_ffff);
    return this;
  }

  override prepare(sqe: Sqe): void {
    sqe.record.clear(0, SIGINFO_BYTES);
    sqe.fd(this.#id);
    sqe.length(this.#who);
    sqe.recordAddress2(0);
    sqe.fileIndex(this.#options | 0);
  }

  override complete(cqe: Cqe): ChildStatus | null {
    this.result(cqe);
    const { record } = cqe;
    const what = CODES.get(record.getInt32(CODE));
    if (record.getInt32(SIGNAL) === 0 || what === undefined) return null;
    return {
      processId: record.getInt32(PID),
      userId: record.getUint32(UID),
      what,
      status: record.getInt32(STATUS),
    };
  }
}
