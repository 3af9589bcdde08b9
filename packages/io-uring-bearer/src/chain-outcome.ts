import { OpCodeError } from '@ringbearer/io-uring-opcode';
import { BearerError } from './errors.js';

/** How one element of a chain ended: as `Promise.allSettled` says it. */
export type ChainOutcome<Result> =
  | {
      /** It completed. */
      readonly status: 'fulfilled';
      /** Its result. */
      readonly value: Result;
    }
  | {
      /** It failed, or was not tried. */
      readonly status: 'rejected';
      /** {@link ChainCanceledError}: it did not run to its end because of another element. Else what its own `complete` threw. */
      readonly reason: unknown;
    };

/** The outcomes of a whole chain, element by element. */
export type ChainOutcomes<Results extends readonly unknown[]> = {
  readonly [Index in keyof Results]: ChainOutcome<Results[Index]>;
};

/** Why an element was cancelled. */
export type ChainCancelReason =
  /** An element in front of it failed, or the kernel refused an entry of the chain. */
  | 'failed'
  /**
   * The element in front of it has a result that ends a chain: a transfer of less than it was asked for (read, write, send, receive), or
   * an error that its operation makes a result of.
   */
  | 'short'
  /** The time limit behind it elapsed. */
  | 'timeout'
  /** The signal was aborted, or the bearer closed. */
  | 'aborted';

/**
 * An element of a chain that the kernel cancelled: `code` is ECANCELED. `failedIndex` names the element that ended the chain, -1 where
 * none did (`because` is `'aborted'`); `cause` is that element's error, or the signal's reason.
 */
export class ChainCanceledError extends OpCodeError {
  /** What ended the chain. */
  readonly because: ChainCancelReason;
  /** The element that ended it, or -1. */
  readonly failedIndex: number;

  constructor(
    opcode: string,
    because: ChainCancelReason,
    failedIndex: number,
    failedName: string,
    cause: unknown,
  ) {
    super(opcode, ECANCELED, explain(because, failedIndex, failedName));
    this.name = 'ChainCanceledError';
    this.because = because;
    this.failedIndex = failedIndex;
    if (cause !== undefined) this.cause = cause;
  }
}

/**
 * An element of a chain submitted with `submitOrThrow` failed. `index` is the first that failed by itself, `outcomes` has all of them:
 * what elements in front of it made (a descriptor) is the caller's to close. `cause` is the element's error, or the signal's reason.
 */
export class ChainError extends BearerError {
  /** The first element that failed by itself. */
  readonly index: number;
  /** How every element ended, in order. */
  readonly outcomes: readonly ChainOutcome<unknown>[];

  constructor(
    index: number,
    name: string,
    outcomes: readonly ChainOutcome<unknown>[],
    cause: unknown,
  ) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super('CHAIN_FAILED', `Element ${index} (${name}) of a chain failed: ${why}`, { cause });
    this.name = 'ChainError';
    this.index = index;
    this.outcomes = outcomes;
  }
}

const ECANCELED = 125;

function explain(because: ChainCancelReason, index: number, name: string): string {
  const element = `element ${index} (${name}) of the chain`;
  switch (because) {
    case 'failed':
      return `${element} failed`;
    case 'short':
      return `${element} came short, or this one was cancelled by its key`;
    case 'timeout':
      return `${element} elapsed`;
    default:
      return 'the chain was aborted';
  }
}
