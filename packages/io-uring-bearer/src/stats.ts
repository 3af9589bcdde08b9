import type { FixedFileTable } from '@ringbearer/io-uring-fd';
import { controlWords } from '@ringbearer/native/ring';
import type { BearerCapacityKind, CapacityLedger, CapacityUse } from './capacity.js';
import type { RingQueues } from './ring/ring-queues.js';

/** Counters of one bearer since it was made. */
export interface BearerStats {
  /** Entries written, internal cancellations included. */
  readonly submitted: number;
  /** Completions delivered. */
  readonly completed: number;
  /** io_uring_enter calls; wraps at 2^32. */
  readonly enters: number;
  /** Wake-ups that found completions kept back because their queue was full. None is lost. */
  readonly overflows: number;
  /** Completions that did not fit and could not be kept, as the kernel counts them. */
  readonly dropped: number;
  /** Completions whose key named no operation in flight. */
  readonly stale: number;
  /** Completions with -ENOBUFS: a group had no buffer left. */
  readonly noBuffers: number;
  /** Limit, use and peak of every capacity. */
  readonly capacity: Readonly<Record<BearerCapacityKind, CapacityUse>>;
}

/** Counts since construction, and what is in flight now. Only the engine changes them. */
export class EngineCounters {
  submitted = 0;
  completed = 0;
  overflows = 0;
  stale = 0;
  noBuffers = 0;
  pending = 0;
  pendingPeak = 0;

  /** One more of the caller's is in flight. */
  began(): void {
    const pending = ++this.pending;
    if (pending > this.pendingPeak) this.pendingPeak = pending;
  }
}

/** The report of {@link BearerStats}. */
export function reportStats(
  counters: EngineCounters,
  queues: RingQueues,
  ledger: CapacityLedger,
  files: FixedFileTable | null,
): BearerStats {
  const { submitted, completed, overflows, stale, noBuffers, pending, pendingPeak } = counters;
  const capacity = ledger.report();
  const { limit } = capacity.PendingCompletions;
  return {
    submitted,
    completed,
    enters: queues.control[controlWords.enters]! >>> 0,
    overflows,
    dropped: queues.dropped,
    stale,
    noBuffers,
    capacity: {
      ...capacity,
      RegisteredFd: {
        limit: files?.capacity ?? 0,
        used: files?.used ?? 0,
        peak: files?.peak ?? 0,
      },
      PendingCompletions: { limit, used: pending, peak: pendingPeak },
    },
  };
}
