import { integerOf } from './argument.js';
import type { Registrar } from './registrar.js';

/** How many threads of the kernel may work for a thread's rings: the worker pool (io-wq) for what cannot be done without blocking. */
export interface WorkerLimits {
  /** For work that ends by itself: regular files and block devices. The kernel's default: 4 times the processors, at most the entries of the ring. */
  readonly bounded: number;
  /** For work that may take for ever: sockets, pipes. The kernel's default: the limit on processes (RLIMIT_NPROC). */
  readonly unbounded: number;
}

/**
 * Reads the limits, and changes those that are not 0.
 * @returns what they were
 */
export function exchangeWorkerLimits(
  registrar: Registrar,
  { bounded = 0, unbounded = 0 }: Partial<WorkerLimits>,
): WorkerLimits {
  const limits = Uint32Array.of(bounded, unbounded);
  registrar.call('REGISTER_IOWQ_MAX_WORKERS', limits, 2);
  return { bounded: limits[0]!, unbounded: limits[1]! };
}

/** Checks what a caller wants. */
export function checkWorkerLimits(limits: Partial<WorkerLimits>): Partial<WorkerLimits> {
  const { bounded, unbounded } = limits;
  if (bounded === undefined && unbounded === undefined) {
    throw new TypeError('Cannot limit workers as one of bounded and unbounded must be given');
  }
  for (const [name, value] of Object.entries({ bounded, unbounded })) {
    if (value !== undefined) integerOf('limit workers', name, value, 1, 0x7fff_ffff);
  }
  return limits;
}
