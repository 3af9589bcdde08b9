import type { Descriptor } from '@ringbearer/io-uring-fd';
import { CancelFlag, Errno, type OpCode, type OperationKey } from '@ringbearer/io-uring-opcode';
import { decodeKey, type SubmissionKey } from '../key.js';
import { optionsOf } from '../options.js';
import { integerOf, shown } from './argument.js';
import type { Registrar } from './registrar.js';
import { RegistrationError } from './registration-error.js';

/** What `cancelNow` looks for: a submission, or operations by what they work on, by opcode, or all. */
export type CancelTarget =
  | SubmissionKey
  | OpCode<unknown>
  | {
      /** Operations on this descriptor. */
      readonly descriptor: Descriptor;
    }
  | {
      /** Operations with this number, of the OpNumber table. Kernel 6.6. */
      readonly opcode: number;
    }
  | {
      /** Whatever is in flight; `all` is understood. */
      readonly any: true;
    };

/** How `cancelNow` goes about it. */
export interface CancelNowOptions {
  /** Every match instead of the first. Default false. */
  readonly all?: boolean;
  /**
   * How long this thread may block until an operation ended that a thread of the kernel runs already. Default 0: such an operation is
   * asked to end, and not waited for.
   */
  readonly timeoutMs?: number;
}

/** What {@link cancelNow} needs of an engine. */
export interface CancelHost {
  /** Whether a key names an operation in flight here. */
  holds(key: OperationKey): boolean;
  /** Submits what is queued. */
  enter(): number;
}

/** What to look for, in the words of `struct io_uring_sync_cancel_reg`. */
interface Match {
  readonly key?: OperationKey;
  readonly fd?: number;
  readonly opcode?: number;
  readonly flags: number;
}

/** The longest wait of one call: the kernel does not wake it where completions are deferred (IORING_SETUP_DEFER_TASKRUN). */
const SLICE_MS = 2;

/** Milliseconds beyond which a wait is as good as endless. */
const TIMEOUT_MS_MAX = 0x7fff_ffff;

/**
 * Cancels beside the submission queue: IORING_REGISTER_SYNC_CANCEL.
 *
 * @returns operations cancelled
 */
export function cancelNow(
  registrar: Registrar,
  engine: CancelHost,
  target: CancelTarget,
  options: CancelNowOptions,
): number {
  const { all = false, timeoutMs = 0 } = optionsOf('cancel now', options);
  if (!(timeoutMs >= 0 && timeoutMs <= TIMEOUT_MS_MAX)) {
    throw new RangeError(
      `Cannot cancel now as timeoutMs must be from 0 to ${TIMEOUT_MS_MAX}: current value is ${timeoutMs}`,
    );
  }
  const keyOf = (submission: SubmissionKey | OpCode<unknown>) => {
    const key = typeof submission === 'number' ? decodeKey(submission) : submission;
    return engine.holds(key) ? key : null;
  };
  engine.enter();
  const match = matchOf(keyOf, target);
  if (match === null) return 0;
  const { key, fd = -1, opcode = 0 } = match;
  const flags = match.flags | (all ? CancelFlag.ALL : 0);
  const request = new Int32Array(16);
  request[0] = key?.slot ?? 0;
  request[1] = key?.generation ?? 0;
  request[2] = fd;
  request[3] = flags;
  request[8] = opcode;
  // Without ALL and ANY the kernel answers 0 for the one it cancelled.
  const counts = (flags & (CancelFlag.ALL | CancelFlag.ANY)) !== 0;
  const deadline = performance.now() + timeoutMs;
  for (let waited = false; ; waited = true) {
    const left = Math.max(0, deadline - performance.now());
    request[6] = Math.floor(Math.min(left, SLICE_MS) * 1e6);
    const found = tryCancel(registrar, request);
    if (found >= 0) return found === 0 && !counts ? 1 : found;
    // What was asked to end before, and is not found any more, has ended.
    if (found === -Errno.ENOENT) return waited && !counts ? 1 : 0;
    if (left === 0) return 0;
  }
}

/** Operations cancelled as the kernel counts them, or -ENOENT, or -ETIME where some did not end in time. */
function tryCancel(registrar: Registrar, request: Int32Array): number {
  try {
    return registrar.call('REGISTER_SYNC_CANCEL', request, 1, {
      EBADF: 'the descriptor is not open, or no slot of the table of direct descriptors',
      EINVAL: 'cancelling by opcode needs Linux 6.6',
    });
  } catch (error) {
    if (!(error instanceof RegistrationError)) throw error;
    if (error.errno === -Errno.ENOENT) return -Errno.ENOENT;
    const { ETIME, EALREADY, EINTR } = Errno;
    if ([ETIME, EALREADY, EINTR].includes(-error.errno as typeof ETIME)) return -ETIME;
    throw error;
  }
}

function matchOf(
  keyOf: (target: SubmissionKey | OpCode<unknown>) => OperationKey | null,
  target: CancelTarget,
): Match | null {
  if (typeof target === 'number') return matchKey(keyOf(target));
  if (typeof target === 'object' && target !== null) {
    if ('slot' in target) return matchKey(keyOf(target));
    if ('any' in target && target.any === true) return { flags: CancelFlag.ANY };
    if ('opcode' in target) {
      return {
        opcode: integerOf('cancel now', 'opcode', target.opcode, 0, 255),
        flags: CancelFlag.OP,
      };
    }
    if ('descriptor' in target && isDescriptor(target.descriptor)) {
      const { number, direct } = target.descriptor;
      return { fd: number, flags: CancelFlag.FD | (direct ? CancelFlag.FD_FIXED : 0) };
    }
  }
  throw new TypeError(
    `Cannot cancel now as the target must be a key, an operation, or an object with descriptor, opcode or any: current value is ${shown(target)}`,
  );
}

function matchKey(key: OperationKey | null): Match | null {
  return key === null ? null : { key, flags: 0 };
}

function isDescriptor(value: unknown): value is Descriptor {
  return (
    typeof value === 'object' && value !== null && Number.isInteger((value as Descriptor).number)
  );
}
