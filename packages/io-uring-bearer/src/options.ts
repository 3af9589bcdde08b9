import type { Cqe, OpCode } from '@ringbearer/io-uring-opcode';
import type { Restrictions } from './registration/restrictions.js';
import type { DriverKind, RingFactory } from './ring/setup.js';
import type { Slabbable } from './slab/slabbable.js';
import type { RingTrace } from './trace/ring-trace.js';

/** How a bearer runs. Everything has a default. */
export interface BearerOptions {
  /**
   * - `'embedded'` (default): for any Node.js program; the ring is one more thing the event loop polls
   * - `'owner'`: for threads that live for the ring; the thread waits in the ring and the ring watches the event loop. Less CPU
   *   per operation. One per thread: while it is open, others that ask for it are embedded, and `bearer.driver` says so
   * - `'manual'`: nothing happens by itself: call `submitAndWait` and `handleCompletions`
   */
  readonly driver?: DriverKind;
  /**
   * Called after each batch of completions, before what they queued is submitted: the place to coalesce writes. May be called with
   * nothing done.
   */
  readonly onBatch?: () => void;
  /** Called before the completions of a wake-up are handled: the place to read a clock once. */
  readonly onWake?: () => void;
  /**
   * The owner driver: microseconds from the beginning of a wait in which completions are collected, before the thread wakes for them
   * (min_wait_usec of io_uring_enter(2), kernel 6.12). Fewer wake-ups under load, against that much latency for every completion and
   * for what the event loop watches; timers are not late, and the end of a Timeout operation
   * wakes at once. An integer from 0 to 1,000,000. Default 0: each completion wakes the
   * thread at once. `capabilities().minWaitUs` says what was granted: 0 on an older kernel, and where the driver is embedded because
   * the thread has an owner.
   */
  readonly minWaitUs?: number;
  /** Slots of RegisteredFd for `bearer.files`; the kernel hands out the others (`TargetFd.auto`). Default 0. */
  readonly manualFiles?: number;
  /** What the kernel lets this bearer do at all. Default: everything. Kernel 5.10. */
  readonly restrictions?: Restrictions;
  /** The slab that holds the records. Default: an ArraySlab. */
  readonly slab?: (capacity: number) => Slabbable<OpCode<unknown>>;
  /** Records every entry and completion. Default: none, at no cost. One trace for each bearer. */
  readonly trace?: RingTrace;
  /** Opcodes to treat as unsupported, by number: to try out how a program behaves on an older kernel. */
  readonly disableOpcodes?: readonly number[];
  /** Makes the ring in place of the kernel: for tests of setup failures. */
  readonly ringFactory?: RingFactory;
}

/** How to submit for a Promise. */
export interface SubmitOptions {
  /** Aborting asks the kernel to cancel. The Promise settles with the operation's own completion. */
  readonly signal?: AbortSignal;
  /** SubmissionFlags, and the `flags` of a Personality. */
  readonly flags?: number;
}

/** How to iterate over a multishot operation. */
export interface StreamOptions extends SubmitOptions {
  /**
   * Results that may wait for the consumer before the operation is paused. The kernel may add what it had under way. Default 128.
   */
  readonly highWater?: number;
}

/** Handles one completion by hand. `'retain'` keeps the record of a final completion until `forget(key)`. */
export type ManualHandler = (operation: OpCode<unknown>, cqe: Cqe) => 'retain' | 'forget';

/** How long the manual driver waits. */
export interface WaitOptions {
  /** Bound on the wait in milliseconds, 0 to not wait. Default: none. */
  readonly timeoutMs?: number;
  /**
   * Microseconds after which one completion is enough, instead of `minComplete` (a Timeout that ends always is; min_wait_usec of io_uring_enter(2), kernel 6.12): an
   * integer from 0 to 1,000,000. Default: one is never enough.
   */
  readonly minWaitUs?: number;
}

const BEARER_OPTIONS: Readonly<Record<keyof BearerOptions, true>> = {
  driver: true,
  onBatch: true,
  onWake: true,
  minWaitUs: true,
  manualFiles: true,
  restrictions: true,
  slab: true,
  trace: true,
  disableOpcodes: true,
  ringFactory: true,
};

/**
 * Options of a bearer, none of them unknown: a misspelt `restrictions` would allow everything.
 *
 * @throws TypeError
 */
export function bearerOptions(options: BearerOptions): BearerOptions {
  demandKnown('make a bearer', 'option', optionsOf('make a bearer', options), BEARER_OPTIONS);
  const { trace } = options;
  if (trace === undefined || typeof trace?.attach === 'function') return options;
  throw new TypeError(
    `Cannot make a bearer as trace must be a RingTrace: current value is ${String(trace)}`,
  );
}

/** @throws TypeError for a key of `given` that `known` does not have */
export function demandKnown(verb: string, noun: string, given: object, known: object): void {
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(known, name)) continue;
    throw new TypeError(
      `Cannot ${verb} as ${name} is no ${noun}: use ${Object.keys(known).join(', ')}`,
    );
  }
}

/**
 * Options that are an object, as everything that reads them takes them to be.
 *
 * @throws TypeError for what is none
 */
export function optionsOf<Options extends object>(verb: string, options: Options): Options {
  if (typeof options === 'object' && options !== null) return options;
  throw new TypeError(
    `Cannot ${verb} as options must be an object: current value is ${String(options)}`,
  );
}
