import { Cqe, RECORD_BYTES, RecordMemory, Sqe } from '@ringbearer/io-uring-opcode';
import { addressOf, type RawRing } from '@ringbearer/native/ring';
import { filesOf } from './bearer-files.js';
import { CompletionRecord } from './completion-record.js';
import type { RingQueues } from './ring/ring-queues.js';
import { ringToken } from './ring/ring-token.js';
import type { RingTrace } from './trace/ring-trace.js';
import { TracedRecord } from './trace/traced-record.js';

/** The bearer's own operations (cancellations, closes of what nobody took) that may be in flight beyond PendingCompletions. */
const SPARE_SLOTS = 16;

/** Slots for so many operations of the caller. Keys have 20 bits for them. */
export function slotsFor(pendingMax: number): number {
  return Math.min(pendingMax + SPARE_SLOTS, 2 ** 20);
}

/** The reused objects that operations write entries and read completions through. */
export interface RecordCursors {
  readonly sqe: Sqe;
  readonly cqe: Cqe;
  /** Where the completion's record is chosen. */
  readonly completionRecord: RecordMemory;
}

/**
 * Record memory for `slots` operations, and cursors over it. Two, as a completion handler may submit and go on reading its own
 * record.
 */
export function recordCursors(
  raw: RawRing,
  slots: number,
  queues: RingQueues,
  trace: RingTrace | null,
): RecordCursors {
  const { buffer, addressLow, addressHigh } = raw.map(slots * RECORD_BYTES, false);
  const bytes = new Uint8Array(buffer);
  const files = filesOf(raw);
  trace?.attach(bytes);
  const Record = trace === null ? RecordMemory : TracedRecord;
  const completionRecord = new CompletionRecord(bytes, addressLow, addressHigh);
  const record = new Record(bytes, addressLow, addressHigh);
  const sqe = new Sqe(queues.entries, record, addressOf, ringToken(raw), files);
  queues.onAdopt = (entries) => sqe.move(entries);
  return {
    sqe,
    cqe: new Cqe(completionRecord, files),
    completionRecord,
  };
}
