import { Cqe, type OpCode, RECORD_BYTES, RecordMemory, Sqe } from '@ringbearer/io-uring-opcode';
import { type InFlightMark, markOf, occupy } from '@ringbearer/io-uring-opcode/in-flight';
import type { Trace, TracedCompletion, TracedSubmission } from './trace-format.js';

/** What one recorded completion meant to the operation that received it. */
export interface ReplayedCompletion {
  /** The entry it belongs to. */
  readonly submission: TracedSubmission;
  /** As it was recorded. */
  readonly completion: TracedCompletion;
  /** What `make` returned for the entry. */
  readonly operation: OpCode<unknown>;
  /** No completion of this submission follows. */
  readonly final: boolean;
  /** What `complete` returned or threw; null where the operation has a handler, which was called. */
  readonly outcome: PromiseSettledResult<unknown> | null;
}

interface InFlight {
  readonly submission: TracedSubmission;
  readonly operation: OpCode<unknown>;
  readonly mark: InFlightMark;
}

const F_MORE = 2;
/** Where the record is pretended to be. */
const ADDRESS = { low: 0x1000, high: 1 };

/**
 * Feeds the completions of a trace to operations, without a kernel: for tests of what a program makes of completions that are hard to
 * provoke. `make` is asked for an operation for every recorded entry, or null to leave it out. Each goes through the whole contract:
 * acquire, prepare (into an entry nobody reads), its handler or `complete` for each completion, release after the last.
 *
 * Completions whose submission is not in the trace, or was left out, are left out too.
 *
 * @throws whatever `make`, `acquire`, `prepare`, `release` and handlers throw; TypeError for an operation with another opcode than the
 * entry, or one that is in flight
 *
 * @example
 * ```ts
 * import { replay, RingTrace, UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Nop } from '@ringbearer/io-uring-opcode';
 *
 * const trace = new RingTrace();
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 }, { trace });
 * await bearer.submit(new Nop());
 * await bearer.close();
 * const [replayed] = replay({ lost: trace.lost, events: trace.events() }, () => new Nop());
 * console.log(replayed?.outcome); // { status: 'fulfilled', value: 0 }
 * ```
 */
export function replay(
  trace: Trace,
  make: (submission: TracedSubmission) => OpCode<unknown> | null,
): ReplayedCompletion[] {
  const inFlight = new Map<string, InFlight>();
  const replayed: ReplayedCompletion[] = [];
  for (const event of trace.events) {
    const key = event.key.join();
    if (event.type === 'sqe') {
      const operation = make(event);
      if (operation === null) continue;
      inFlight.set(key, { submission: event, operation, mark: submit(operation, event) });
    } else if (event.type === 'cqe') {
      const found = inFlight.get(key);
      if (found === undefined) continue;
      const final = (event.flags & F_MORE) === 0;
      if (final) inFlight.delete(key);
      replayed.push(deliver(found, event, final));
    }
  }
  return replayed;
}

function submit(
  operation: OpCode<unknown>,
  { words, key, opcode }: TracedSubmission,
): InFlightMark {
  const recorded = words[0]! & 0xff;
  if (operation.code !== recorded) {
    throw new TypeError(
      `Cannot replay ${opcode} (${recorded}) with an operation of code ${operation.code}`,
    );
  }
  if ((markOf(operation)?.slot ?? -1) >= 0) {
    throw new TypeError(
      `Cannot replay ${opcode} with an operation that is in flight: make one for each entry`,
    );
  }
  operation.acquire();
  const entry = new Int32Array(words.length);
  const sqe = new Sqe(entry, newRecord(), (_bytes, out) => out.fill(0));
  try {
    sqe.open(0, recorded, 0, 0);
    operation.prepare(sqe);
    return occupy(operation, ...key);
  } catch (error) {
    operation.rollback();
    throw error;
  } finally {
    sqe.seal();
  }
}

function deliver(
  { submission, operation, mark }: InFlight,
  completion: TracedCompletion,
  final: boolean,
): ReplayedCompletion {
  const record = newRecord();
  record.setBytes(0, completion.record);
  const cqe = new Cqe(record);
  cqe.res = completion.res;
  cqe.flags = completion.flags;
  if (final) {
    mark.slot = -1;
    operation.release(cqe);
  }
  let outcome: PromiseSettledResult<unknown> | null = null;
  if (operation.handler !== null) {
    operation.handler(cqe);
  } else {
    try {
      outcome = { status: 'fulfilled', value: operation.complete(cqe) };
    } catch (reason) {
      outcome = { status: 'rejected', reason };
    }
  }
  return { submission, completion, operation, final, outcome };
}

function newRecord(): RecordMemory {
  return new RecordMemory(new Uint8Array(RECORD_BYTES), ADDRESS.low, ADDRESS.high);
}
