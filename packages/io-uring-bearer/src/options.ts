import type { Cqe, OpCode } from '@ringbearer/io-uring-opcode';
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
  /** Slots of RegisteredFd for `bearer.files`; the kernel hands out the others (`TargetFd.auto`). Default 0. */
  readonly manualFiles?: number;
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
  /** SubmissionFlags. */
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
