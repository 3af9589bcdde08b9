import {
  type LinkTimedOut,
  LinkTimeout,
  type LinkTimeoutOptions,
  type OpCode,
  SubmissionFlags,
} from '@ringbearer/io-uring-opcode';
import {
  ChainCanceledError,
  ChainError,
  type ChainOutcome,
  type ChainOutcomes,
} from './chain-outcome.js';
import { type ChainElement, type ChainHost, ChainRun } from './chain-run.js';
import type { Engine } from './engine.js';
import { notAnOperation } from './errors.js';
import type { Sink } from './sink.js';

const { NONE, LINK, HARD_LINK, DRAIN, ASYNC, BACKGROUND } = SubmissionFlags;

/** What a chain needs of its bearer. */
export interface ChainBearer extends ChainHost {
  /** The most elements a chain can have: entries of the submission queue. */
  readonly lengthMax: number;
  /** Queues all operations, one behind the other, or none. */
  submitChain(
    operations: readonly OpCode<unknown>[],
    flags: readonly number[],
    sinks: readonly Sink[],
  ): void;
}

/** An engine, as chains see it. */
export function chainBearer(engine: Engine): ChainBearer {
  return {
    get lengthMax() {
      return engine.chainMax;
    },
    get closing() {
      return engine.state !== 'open';
    },
    cancel: (operation) => engine.cancel(operation),
    submitChain: (...chain) => engine.submitChain(...chain),
  };
}

/** Settings of one element of a chain. */
export interface ChainElementOptions {
  /** Run in the kernel's worker pool from the start (IOSQE_ASYNC). Default false. */
  readonly async?: boolean;
}

/** How to submit a chain. */
export interface ChainSubmitOptions {
  /** Aborting cancels the element that runs and those linked to it. Hard-linked ones still run. */
  readonly signal?: AbortSignal;
  /**
   * Start only after everything submitted before has completed; what is submitted behind starts after the whole chain. Refused
   * (`MULTISHOT_IN_FLIGHT`) while a multishot operation is in flight. Default false.
   */
  readonly drain?: boolean;
  /** Does not keep the process alive. Default false. */
  readonly background?: boolean;
}

interface Link extends ChainElement {
  readonly async: boolean;
}

/**
 * Operations of which the next one starts when the one before is done, without a turn through JavaScript between: one submission, one
 * entry each. {@link UringBearer.chain} starts one.
 *
 * - {@link link}: runs when the operation before succeeded, and transferred all it was asked for
 * - {@link hardLink}: runs whatever the result of the operation before, like `finally`
 * - {@link timeout}: bounds the time of the operation before
 *
 * An operation that fails, or comes short, cancels everything behind it up to the end: a hard link covers the operation right before it
 * and no other. Elements cannot see each other's results, so descriptors pass from one to the next in a slot of the fixed-file table that
 * was set aside: `bearer.files.reserve()`, `TargetFd.slot(n)`, `new FixedFd(n)`. Memory is one element's: two that name the same
 * are refused.
 *
 * A chain is a value: each method returns a longer one. It may be submitted again once all its elements have completed.
 *
 * Kernel 5.5, hard links and time limits too. io_uring_enter(2): IOSQE_IO_LINK.
 *
 * @typeParam Results results of the elements, in order
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { FixedFd, TargetFd } from '@ringbearer/io-uring-fd';
 * import { Close, OpenAt, Read } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8, RegisteredFd: 4 }, { manualFiles: 4 });
 * const slot = bearer.files!.reserve();
 * const file = new FixedFd(slot);
 * const memory = bearer.allocate(5);
 *
 * const [open, read, close] = await bearer
 *   .chain(new OpenAt({ path: '/proc/version', into: TargetFd.slot(slot) }))
 *   .link(new Read({ descriptor: file, memory, position: 0 }))
 *   .hardLink(new Close({ descriptor: file }))
 *   .submit();
 * console.log(open.status, read.status, close.status, memory.toString()); // fulfilled fulfilled fulfilled Linux
 *
 * bearer.files!.release(slot);
 * memory.release();
 * await bearer.close();
 * ```
 */
export class Chain<Results extends readonly unknown[]> {
  readonly #bearer: ChainBearer;
  readonly #links: readonly Link[];

  /** @internal Only the bearer builds one. */
  constructor(bearer: ChainBearer, links: readonly Link[] = []) {
    this.#bearer = bearer;
    this.#links = links;
  }

  /** Elements, time limits included. */
  get length(): number {
    return this.#links.length;
  }

  /**
   * Adds an operation that runs when the one before succeeded (IOSQE_IO_LINK).
   * @throws TypeError for a multishot operation, or one that is in the chain already
   */
  link<Result>(
    operation: OpCode<Result>,
    options: ChainElementOptions = {},
  ): Chain<[...Results, Result]> {
    return this.#with(operation, false, options);
  }

  /**
   * Adds an operation that runs whatever the result of the one before (IOSQE_IO_HARDLINK), once that was started.
   * @throws as {@link link}
   */
  hardLink<Result>(
    operation: OpCode<Result>,
    options: ChainElementOptions = {},
  ): Chain<[...Results, Result]> {
    return this.#with(operation, true, options);
  }

  /**
   * Bounds the time of the operation before (IORING_OP_LINK_TIMEOUT): milliseconds, counted from its start. Its own outcome is
   * `'in-time'` or `'elapsed'`; the operation it cancelled is rejected with a {@link ChainCanceledError}.
   *
   * @throws TypeError behind another time limit, RangeError for a negative time
   */
  timeout(time: number | LinkTimeoutOptions): Chain<[...Results, LinkTimedOut]> {
    if (this.#links.at(-1)?.operation instanceof LinkTimeout) {
      throw new TypeError('Cannot bound the time as it must follow an operation, not a time limit');
    }
    const options = typeof time === 'number' ? { milliseconds: time } : time;
    return this.#with(new LinkTimeout(options), false, {});
  }

  /**
   * Submits all elements at once, or nothing. Resolves after the last completion with the outcome of each: failures of elements do not
   * reject it.
   *
   * @throws RangeError for more elements than CoreQueue has entries
   * @throws BearerError `CHAIN_OPEN` behind a pushed operation that is linked to what comes next, `MULTISHOT_IN_FLIGHT`, `BEARER_CLOSED`,
   * `OPERATION_IN_FLIGHT`, `SUBMISSION_QUEUE_FULL`
   * @throws AtCapacity, UnsupportedOpcodeError, OwnerError; the reason of a signal that is aborted already. All by rejecting, with
   * nothing submitted or changed
   */
  async submit(options: ChainSubmitOptions = {}): Promise<ChainOutcomes<Results>> {
    const { signal, drain = false, background = false } = options;
    signal?.throwIfAborted();
    const links = this.#links;
    const { lengthMax } = this.#bearer;
    if (links.length > lengthMax) {
      throw new RangeError(
        `Cannot submit a chain as its length must be <= CoreQueue (${lengthMax}): current value is ${links.length}`,
      );
    }
    const run = new ChainRun(this.#bearer, links, signal);
    this.#bearer.submitChain(
      links.map(({ operation }) => operation),
      links.map((_, index) => {
        const first = index === 0 && drain ? DRAIN : NONE;
        return this.#flags(index) | first | (background ? BACKGROUND : NONE);
      }),
      run.sinks,
    );
    run.started();
    return (await run.done) as ChainOutcomes<Results>;
  }

  /**
   * As {@link submit}, and resolves with the results when every element succeeded.
   *
   * @throws ChainError with the index of the first element that failed, and all outcomes: by rejecting, as everything
   */
  async submitOrThrow(options: ChainSubmitOptions = {}): Promise<Results> {
    const outcomes: readonly ChainOutcome<unknown>[] = await this.submit(options);
    const canceled = (index: number) =>
      (outcomes[index] as { reason?: unknown }).reason instanceof ChainCanceledError;
    const failed = outcomes.flatMap(({ status }, index) => (status === 'rejected' ? [index] : []));
    // The one that failed by itself, even where the kernel cancelled what was in front of it.
    const index = failed.find((candidate) => !canceled(candidate)) ?? failed[0];
    if (index === undefined) {
      return outcomes.map((outcome) => (outcome as { value: unknown }).value) as unknown as Results;
    }
    const { reason } = outcomes[index] as { reason: unknown };
    const aborted = reason instanceof ChainCanceledError && reason.because === 'aborted';
    throw new ChainError(
      index,
      this.#links[index]!.operation.name,
      outcomes,
      aborted ? (reason.cause ?? reason) : reason,
    );
  }

  /** What an element's entry says about the one behind it. */
  #flags(index: number): number {
    const own = this.#links[index]!.async ? ASYNC : NONE;
    const next = this.#links[index + 1];
    if (next === undefined) return own;
    // A time limit is no step of its own: what follows it is linked to the operation it bounds.
    const follower = next.operation instanceof LinkTimeout ? this.#links[index + 2] : next;
    return own | (follower?.hard ? HARD_LINK : LINK);
  }

  #with<Result>(
    operation: OpCode<Result>,
    hard: boolean,
    options: ChainElementOptions,
  ): Chain<[...Results, Result]> {
    if (!Number.isInteger(operation?.code)) throw notAnOperation('chain', operation);
    if (operation.multishot) {
      throw new TypeError(
        `Cannot chain ${operation.name} as it completes many times: the next element would start with the first completion`,
      );
    }
    if (this.#links.some((link) => link.operation === operation)) {
      throw new TypeError(
        `Cannot chain ${operation.name} as this object is in the chain already: use another object`,
      );
    }
    return new Chain(this.#bearer, [
      ...this.#links,
      { operation, hard, async: options.async ?? false },
    ]);
  }
}
