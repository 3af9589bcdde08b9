import { type Cqe, Errno, LinkTimeout, type OpCode } from '@ringbearer/io-uring-opcode';
import { ChainCanceledError, type ChainCancelReason, type ChainOutcome } from './chain-outcome.js';
import type { Sink } from './sink.js';

const ECANCELED = -Errno.ECANCELED;
/** An abort may come between two elements, when nothing runs that could be cancelled: it is tried again. */
const CANCEL_AGAIN_MS = 10;

/** What a submitted chain needs of its bearer. */
export interface ChainHost {
  /** Asks the kernel to cancel an operation; one that does not run is ignored. */
  cancel(operation: OpCode<unknown>): void;
  /** The bearer is closing, and cancels everything. */
  readonly closing: boolean;
}

/** One element of a chain. */
export interface ChainElement {
  readonly operation: OpCode<unknown>;
  /** It runs whatever the result of the operation in front of it. */
  readonly hard: boolean;
}

/** Collects the completions of a submitted chain. The Promise resolves with one outcome per element after the last completion. */
export class ChainRun {
  readonly done: Promise<readonly ChainOutcome<unknown>[]>;
  /** One for each element. */
  readonly sinks: readonly Sink[];
  readonly #host: ChainHost;
  readonly #elements: readonly ChainElement[];
  readonly #outcomes: (ChainOutcome<unknown> | null)[];
  readonly #canceled: boolean[];
  readonly #ended: boolean[];
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.#abort();
  #resolve!: (outcomes: readonly ChainOutcome<unknown>[]) => void;
  #left: number;
  #again: NodeJS.Timeout | undefined;

  constructor(host: ChainHost, elements: readonly ChainElement[], signal: AbortSignal | undefined) {
    this.#host = host;
    this.#elements = elements;
    this.#signal = signal;
    this.#left = elements.length;
    this.#outcomes = elements.map(() => null);
    this.#canceled = elements.map(() => false);
    this.#ended = elements.map(() => false);
    this.sinks = elements.map((_, index) => ({
      complete: (operation, cqe, final) => this.#complete(index, operation, cqe, final),
    }));
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** The chain was submitted. */
  started(): void {
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  #complete(index: number, operation: OpCode<unknown>, cqe: Cqe, final: boolean): void {
    // Of an operation with several completions the first error counts, else the last result.
    if (this.#outcomes[index]?.status !== 'rejected') {
      this.#canceled[index] = cqe.res === ECANCELED;
      try {
        this.#outcomes[index] = { status: 'fulfilled', value: operation.complete(cqe) };
      } catch (reason) {
        this.#outcomes[index] = { status: 'rejected', reason };
      }
    }
    if (!final) return;
    this.#ended[index] = true;
    this.#left--;
    if (this.#left === 0) this.#settle();
    else if (this.#aborted) this.#cancelRunning();
  }

  get #aborted(): boolean {
    return this.#signal?.aborted === true;
  }

  #abort(): void {
    this.#cancelRunning();
    // Operations keep the process alive, or do not: not this.
    this.#again = setInterval(() => this.#cancelRunning(), CANCEL_AGAIN_MS).unref();
  }

  /** Cancels the first element that has not ended, unless it is one that runs in any case. */
  #cancelRunning(): void {
    for (let index = 0; index < this.#elements.length; index++) {
      const { operation, hard } = this.#elements[index]!;
      if (this.#ended[index] || operation instanceof LinkTimeout) continue;
      if (!hard) this.#host.cancel(operation);
      return;
    }
  }

  #settle(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    clearInterval(this.#again);
    const outcomes = this.#outcomes as ChainOutcome<unknown>[];
    const { closing } = this.#host;
    explainCanceled(this.#elements, outcomes, this.#canceled, {
      aborted: this.#aborted || closing,
      reason: this.#aborted ? this.#signal?.reason : undefined,
    });
    this.#resolve(outcomes);
  }
}

interface Ending {
  readonly because: ChainCancelReason;
  readonly index: number;
}

/**
 * Says of every element that was cancelled which one ended the chain.
 *
 * The kernel (io_fail_links, io_submit_fail_init): an element that fails, and is not followed by a hard link, cancels all behind it;
 * so does a transfer that came short. An entry it refuses to read cancels the whole chain, also what is in front of it.
 */
function explainCanceled(
  elements: readonly ChainElement[],
  outcomes: ChainOutcome<unknown>[],
  canceled: readonly boolean[],
  { aborted, reason }: { aborted: boolean; reason: unknown },
): void {
  const { length } = elements;
  const isTimeout = (index: number) => elements[index]?.operation instanceof LinkTimeout;
  const elapsed = (index: number) => {
    const outcome = outcomes[index];
    return isTimeout(index) && outcome?.status === 'fulfilled' && outcome.value === 'elapsed';
  };
  const errorOf = (index: number) => {
    const outcome = outcomes[index];
    return outcome?.status === 'rejected' ? outcome.reason : undefined;
  };
  const refused = canceled[0] ? findRefused(outcomes, canceled) : -1;
  let ending: Ending | null =
    refused > 0 && !aborted ? { because: 'failed', index: refused } : null;
  /** The last operation that had a result. */
  let before = -1;
  /** It was cancelled, for this. */
  let target: Ending | null = null;
  for (let index = 0; index < length; index++) {
    const timeout = isTimeout(index);
    // A time limit says 'in-time' as well where its operation was never started.
    if (!canceled[index] || (timeout && target === null)) {
      if (timeout) continue;
      target = null;
      before = index;
      if (errorOf(index) !== undefined && !runsOn(elements, index)) {
        ending ??= { because: 'failed', index };
      }
      continue;
    }
    let why: Ending;
    if (timeout) why = target!;
    else if (ending !== null) why = ending;
    else if (elapsed(index + 1)) why = { because: 'timeout', index: index + 1 };
    else if (aborted || before < 0) why = { because: 'aborted', index: -1 };
    else why = { because: 'short', index: before };
    if (!timeout) {
      target = why;
      if (!runsOn(elements, index)) ending ??= why;
    }
    outcomes[index] = {
      status: 'rejected',
      reason: new ChainCanceledError(
        elements[index]!.operation.name,
        why.because,
        why.index,
        elements[why.index]?.operation.name ?? '',
        why.because === 'aborted' ? reason : errorOf(why.index),
      ),
    };
  }
}

/** What follows `index` runs whatever its result. */
function runsOn(elements: readonly ChainElement[], index: number): boolean {
  const next = elements[index + 1];
  if (next === undefined) return false;
  return next.operation instanceof LinkTimeout ? (elements[index + 2]?.hard ?? false) : next.hard;
}

/** The element with an error of its own in a chain of which nothing else ran. */
function findRefused(
  outcomes: readonly ChainOutcome<unknown>[],
  canceled: readonly boolean[],
): number {
  let refused = -1;
  for (let index = 0; index < outcomes.length; index++) {
    if (canceled[index]) continue;
    if (outcomes[index]!.status === 'fulfilled') return -1;
    if (refused < 0) refused = index;
  }
  return refused;
}
