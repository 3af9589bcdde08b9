import {
  type Cqe,
  CqeFlag,
  Errno,
  MESSAGE_MARK,
  OpCode,
  type OperationKey,
  type RecordMemory,
  SubmissionFlags,
} from '@ringbearer/io-uring-opcode';
import type { InFlightMark } from '@ringbearer/io-uring-opcode/in-flight';
import { controlWords, type RawRing } from '@ringbearer/native/ring';
import { ArrivalDesk } from './arrival-desk.js';
import { Cancellation } from './cancellation.js';
import { checkFlags } from './check-flags.js';
import { DeferredWork } from './deferred-work.js';
import type { BearerDiagnostics } from './diagnostics.js';
import { EntryWriter } from './entry-writer.js';
import {
  AtCapacity,
  chainOpenError,
  closedError,
  heldError,
  queueFullError,
  unsupportedError,
} from './errors.js';
import { HeldQueue } from './held-queue.js';
import { InFlightMarks, idleMark } from './in-flight-marks.js';
import { LoopReferences } from './loop-references.js';
import type { BearerOptions, ManualHandler } from './options.js';
import type { Probe } from './probe.js';
import { recordCursors, slotsFor } from './record-cursors.js';
import { INTERNAL, KNOWN_FLAGS, LINKS, OPENS, RETAINED } from './record-flags.js';
import { releaseReporting, reportError, runReporting } from './report-error.js';
import type { RingQueues } from './ring/ring-queues.js';
import type { Sink } from './sink.js';
import { ArraySlab } from './slab/array-slab.js';
import { findRecord } from './slab/find-record.js';
import type { Slabbable } from './slab/slabbable.js';
import { EngineCounters } from './stats.js';
import type { RingTrace } from './trace/ring-trace.js';

const { DRAIN, SKIP_SUCCESS, BACKGROUND } = SubmissionFlags;
const F_MORE = CqeFlag.MORE;
const F_BUFFER = CqeFlag.BUFFER;
const ENOBUFS = -Errno.ENOBUFS;
const { backendFired: BACKEND_FIRED } = controlWords;
/** user_data of the poll that the owner driver keeps on libuv's backend descriptor, both halves. */
const BACKEND = -1;
/** Rounds of drain and enter a wake-up may take before the event loop has its turn. */
const ROUNDS_MAX = 4;

type State = 'open' | 'closing' | 'closed';

/**
 * Entries in, completions out: the ring, the slab of records and who is told of a completion. The hot path (enqueue, drain,
 * dispatch) allocates nothing.
 */
export class Engine {
  readonly #queues: RingQueues;
  readonly #supported: Uint8Array;
  readonly #slab: Slabbable<OpCode<unknown>>;
  readonly #sinks: (Sink | null)[];
  readonly #flags: Uint16Array;
  readonly #marks: InFlightMarks;
  readonly #completionRecord: RecordMemory;
  readonly #writer: EntryWriter;
  readonly #cqe: Cqe;
  readonly #pendingMax: number;
  readonly #manual: boolean;
  readonly #diagnostics: BearerDiagnostics;
  readonly #trace: RingTrace | null;
  readonly #onBatch: (() => void) | null;
  readonly #onWake: (() => void) | null;
  readonly counters = new EngineCounters();
  readonly arrivals: ArrivalDesk;
  /** Personalities that entries may name. */
  readonly personalities = new Set<number>();
  #state: State = 'open';
  #inTurn = false;
  /** Head of the completion queue while a batch is handled; the kernel learns of it in steps. */
  #head = 0;
  /** Queued entries, at the end, that link to the entry to come. */
  #chain = 0;
  #retained = 0;
  readonly #references: LoopReferences;
  readonly #cancellation: Cancellation;
  readonly #deferred: DeferredWork;
  readonly #held: HeldQueue;

  constructor(
    raw: RawRing,
    queues: RingQueues,
    probe: Probe,
    pendingMax: number,
    options: BearerOptions,
    diagnostics: BearerDiagnostics,
  ) {
    this.#queues = queues;
    this.#supported = probe.supported;
    this.#pendingMax = pendingMax;
    this.#manual = options.driver === 'manual';
    this.#diagnostics = diagnostics;
    this.#trace = options.trace ?? null;
    this.#onBatch = options.onBatch ?? null;
    this.#onWake = options.onWake ?? null;
    this.#references = new LoopReferences(raw, queues.control, this.counters, !this.#manual);
    const slots = slotsFor(pendingMax);
    this.#slab = options.slab?.(slots) ?? new ArraySlab(slots);
    this.arrivals = new ArrivalDesk(this.#slab);
    this.#sinks = new Array<Sink | null>(slots).fill(null);
    this.#flags = new Uint16Array(slots);
    this.#marks = new InFlightMarks(slots);
    const cursors = recordCursors(raw, slots, queues, this.#trace);
    this.#writer = new EntryWriter(this.#slab, queues, cursors.sqe, this.arrivals, () =>
      this.#atCapacity(1),
    );
    this.#cqe = cursors.cqe;
    this.#completionRecord = cursors.completionRecord;
    this.#held = new HeldQueue(
      {
        inFlight: () => this.#inFlight,
        findMultishot: () =>
          findRecord(this.#slab, (op, at) => op.multishot && (this.#flags[at]! & RETAINED) === 0),
        chainOpen: () => this.chainOpen,
        queued: (entryFlags) => {
          this.#chain = (entryFlags & LINKS) === 0 ? 0 : this.#chain + 1;
        },
        cancelled: (slot, manual) =>
          this.#dispatch(slot, this.#slab.generation(slot), -Errno.ECANCELED, 0, manual),
        turn: () => this.turn(),
      },
      queues,
      !this.#manual,
    );
    this.#deferred = new DeferredWork(
      {
        holds: ({ slot, generation }) => this.#slab.get(slot, generation | 0) !== undefined,
        tryCancel: (key) => this.#cancellation.tryCancel(key),
        trySubmit: (operation) => this.#tryInternal(operation),
      },
      !this.#manual,
    );
    this.#cancellation = new Cancellation(
      {
        unfinished: () => this.#inFlight > 0 || this.#deferred.hasFollowUps,
        besideQueue: (options.restrictions?.flagsRequired ?? 0) !== 0,
        chainOpen: () => this.chainOpen,
        submitInternal: (operation) => this.#tryInternal(operation),
        drain: () => void this.#drain(this.#queues.completionsMax, null),
        holds: (key) => this.holds(key),
      },
      raw,
      queues,
      this.#held,
      this.#deferred,
    );
  }

  get state(): State {
    return this.#state;
  }
  get inTurn(): boolean {
    return this.#inTurn;
  }
  /** Entries of an unfinished chain wait at the end of the queue: the next entry becomes part of it. */
  get chainOpen(): boolean {
    return this.#chain > 0 && this.#queues.unsubmitted > 0;
  }

  /** Entries of the longest chain that waits for a drain. */
  get heldChainMax(): number {
    return this.#held.longest;
  }

  get #inFlight(): number {
    return this.#slab.used - this.#retained;
  }

  /** Queues an operation of the caller. */
  submit(operation: OpCode<unknown>, flags: number, sink: Sink | null): InFlightMark {
    // May run handlers, which may submit or close: everything is checked after it.
    if (!this.#queues.hasRoom(1)) this.#makeRoom(1);
    if (this.#state !== 'open') throw closedError();
    if (this.counters.pending >= this.#pendingMax) throw this.#atCapacity(1);
    if (this.#supported[operation?.code] !== 1) throw unsupportedError(operation, this.#supported);
    if (typeof flags !== 'number' || (flags & ~KNOWN_FLAGS) !== 0)
      checkFlags(flags, this.personalities);
    return this.#enqueue(operation, flags, sink);
  }

  /** The most operations {@link submitChain} takes. */
  get chainMax(): number {
    return this.#queues.entriesMask + 1;
  }

  /**
   * Queues operations in entries one behind the other, linked as their flags say, or none of them. They reach the kernel in one
   * submission: only an unfinished chain is ever held back.
   */
  submitChain(
    operations: readonly OpCode<unknown>[],
    flags: readonly number[],
    sinks: readonly Sink[],
  ): void {
    const count = operations.length;
    if (this.#state !== 'open') throw closedError();
    // Making room may run handlers, which may submit: everything is checked after it.
    if (!this.#queues.hasRoom(count)) this.#makeRoom(count);
    if (this.#state !== 'open') throw closedError();
    if (this.chainOpen || this.#held.chain > 0) throw chainOpenError();
    if (this.counters.pending + count > this.#pendingMax) throw this.#atCapacity(count);
    const marks = operations.map(idleMark);
    for (const operation of operations) {
      if (this.#supported[operation.code] !== 1) throw unsupportedError(operation, this.#supported);
    }
    const hold = this.#holds(flags[0]!);
    const slots = this.#writer.writeAll(operations, marks, flags);
    for (let i = 0; i < count; i++) {
      this.#commit(operations[i]!, marks[i]!, flags[i]!, sinks[i]!, slots[i]!, hold ? i : -1);
    }
  }

  #atCapacity(asked: number): AtCapacity {
    return this.#diagnostics.atCapacity(
      new AtCapacity('PendingCompletions', this.#pendingMax, this.counters.pending, asked),
    );
  }

  /** Queues an operation that frees what nobody will take, now or when there is room. */
  followUp(operation: OpCode<unknown>): void {
    if (this.#state === 'closed') return;
    if (this.#deferred.hasFollowUps || !this.#tryInternal(operation))
      this.#deferred.followUp(operation);
  }

  /** Whether a key names an operation in flight here. Every operation is its own key, unless it is another bearer's. */
  holds(key: OperationKey): boolean {
    const operation = this.#slab.get(key.slot, key.generation | 0);
    if (operation === undefined || (this.#flags[key.slot]! & RETAINED) !== 0) return false;
    return !(key instanceof OpCode) || key === operation;
  }

  /** Asks the kernel to cancel; a key or operation that names nothing in flight here is ignored. */
  cancel(key: OperationKey): void {
    if (this.holds(key) && !this.#cancellation.tryCancel(key)) this.#deferred.cancel(key);
  }

  /** Frees the record that a manual handler retained. */
  forget({ slot, generation }: OperationKey): void {
    const operation = this.#slab.get(slot, generation | 0);
    if (operation === undefined) return;
    if ((this.#flags[slot]! & RETAINED) === 0) {
      throw heldError(operation);
    }
    this.#slab.release(slot);
    this.#retained--;
    this.counters.pending--;
  }

  /** Submits what is queued, and waits for completions where asked to. */
  enter(minComplete = 0, milliseconds = 0, minWaitUs?: number): number {
    if (this.#state === 'closed') return 0;
    if (this.#deferred.waiting && !this.#inTurn) this.#deferred.run();
    this.#held.cut();
    const least = this.#held.active ? this.#held.awaited(minComplete) : minComplete;
    const result =
      least > 0 && milliseconds > 0
        ? this.#queues.enterAndWait(least, milliseconds, minWaitUs)
        : this.#queues.enter();
    return Math.max(result, 0);
  }

  setReferenced(referenced: boolean): void {
    this.#references.set(referenced);
  }

  /**
   * Queues an operation that completes while it is submitted, and reads its completion without consuming the queue.
   * @returns its result, or null where it is not there yet: it goes to the operation's handler then
   */
  completeInline(operation: OpCode<unknown>): number | null {
    if (this.#state !== 'open') throw closedError();
    const { slot, generation } = this.#enqueue(operation, INTERNAL, null);
    const queues = this.#queues;
    queues.enter();
    return queues.resultOf(slot, generation, this.#inTurn ? this.#head : queues.completionHead);
  }

  /** Cancels everything and waits for every final completion. The ring has nothing in flight afterwards. */
  async close(): Promise<void> {
    this.#state = 'closing';
    // A manual drain of ours cannot run inside of the caller's: let that end first. An entry that is being written comes in before.
    if ((this.#manual && this.#inTurn) || this.#writer.writing) await Promise.resolve();
    await this.#cancellation.close(this.#manual);
    this.#state = 'closed';
  }

  /** Called by the loop driver when there are completions. */
  turn(): void {
    if (this.#state === 'closed' || this.#inTurn) return;
    const queues = this.#queues;
    if (queues.loopError !== 0) this.#diagnostics.loopFailed(queues.loopError);
    if (this.#onWake !== null) this.#runHook(this.#onWake, false);
    for (let round = 1; ; round++) {
      if (queues.overflowing) this.#diagnostics.overflowed(++this.counters.overflows);
      // Bounded: handlers that submit at once would keep the event loop out. What stays in the queue wakes it again.
      this.#drain(this.#queues.completionsMax, null);
      if (this.#onBatch !== null) this.#runHook(this.#onBatch, true);
      if (round === ROUNDS_MAX) break;
      if (queues.unsubmitted === 0 && !queues.needsEnter) break;
      queues.enter();
      if (!queues.hasCompletions) break;
    }
    if (this.#state === 'closing') this.#cancellation.settle();
  }

  /** Manual driver: handles at most `limit` completions. */
  drainByHand(limit: number, fn: ManualHandler | null): number {
    if (this.#inTurn) return 0;
    if (this.#queues.overflowing) {
      this.#diagnostics.overflowed(++this.counters.overflows);
      if (!this.#queues.hasCompletions) this.#queues.enter();
    }
    return this.#drain(limit, fn);
  }

  /** Writes one entry. Either everything below happens or nothing. */
  #enqueue(operation: OpCode<unknown>, flags: number, sink: Sink | null): InFlightMark {
    if (!this.#queues.hasRoom(1)) this.#makeRoom(1);
    const mark = idleMark(operation);
    const hold = this.#holds(flags);
    const slot = this.#writer.write(operation, mark, flags, 0);
    this.#commit(operation, mark, flags, sink, slot, hold ? 0 : -1);
    return mark;
  }

  /** Whether an entry with these flags has to wait for a drain. */
  #holds(flags: number): boolean {
    return ((flags & DRAIN) !== 0 || this.#held.active) && this.#held.holds(flags);
  }

  /** Takes the entry at the queue's end into the queue, or the one `held` places behind it to those held. Does not fail. */
  #commit(
    operation: OpCode<unknown>,
    mark: InFlightMark,
    flags: number,
    sink: Sink | null,
    slot: number,
    held: number,
  ): void {
    const slab = this.#slab;
    const queues = this.#queues;
    slab.commit(slot, operation);
    this.#sinks[slot] = sink;
    this.#flags[slot] = flags | this.#writer.marks;
    this.#marks.occupy(slot, slab.generation(slot) >>> 0, mark);
    if (this.#trace !== null) {
      this.#trace.submitted(operation, slot, queues.entries, queues.entryAhead(Math.max(0, held)));
    }
    if (held >= 0) this.#held.hold(slot, flags, queues.entryAhead(held));
    else {
      queues.advance();
      this.#chain = (flags & LINKS) === 0 ? 0 : this.#chain + 1;
      if ((flags & DRAIN) !== 0) this.#held.run();
    }
    this.counters.submitted++;
    if ((flags & INTERNAL) !== 0) return;
    this.counters.began();
    if ((flags & BACKGROUND) !== 0) this.#references.background++;
    this.#references.update();
  }

  /** The submission queue is full: submit, and say so clearly when the kernel takes nothing. */
  #makeRoom(count: number): void {
    const queues = this.#queues;
    // An unfinished chain stays: the kernel ends a chain with the last entry it is given.
    queues.enter(this.#chain);
    if (queues.hasRoom(count)) return;
    // EBUSY: completions are kept back because their queue is full. What was read so far, or can be read now, makes room.
    if (this.#inTurn) queues.publishHead(this.#head);
    else {
      this.#drain(this.#queues.completionsMax, null);
      if (this.#onBatch !== null) this.#runHook(this.#onBatch, true);
    }
    queues.enter(this.#chain);
    if (queues.hasRoom(count)) return;
    throw queueFullError(this.chainOpen);
  }

  #runHook(hook: () => void, batch: boolean): void {
    this.#inTurn = batch;
    runReporting(hook);
    this.#inTurn = false;
  }

  /** Handles completions that are in the queue. Every entry is consumed before its handler runs, so a throw loses none. */
  #drain(limit: number, manual: ManualHandler | null): number {
    this.#inTurn = true;
    const queues = this.#queues;
    const { words, completionsAt, completionsMask } = queues;
    this.#head = queues.completionHead;
    let tail = queues.completionTail;
    let count = 0;
    while (this.#head !== tail && count < limit) {
      const at = completionsAt + ((this.#head & completionsMask) << 2);
      this.#head = (this.#head + 1) | 0;
      count++;
      try {
        this.#dispatch(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!, manual);
      } catch (error) {
        reportError(error);
      }
      if (this.#head === tail) {
        queues.publishHead(tail);
        tail = queues.completionTail;
      }
    }
    queues.publishHead(this.#head);
    if (this.#held.active) count += this.#held.tend(limit - count, manual);
    this.#inTurn = false;
    if (this.#deferred.waiting) this.#deferred.run();
    this.#references.update();
    return count;
  }

  #dispatch(
    slot: number,
    generation: number,
    res: number,
    flags: number,
    manual: ManualHandler | null,
  ): void {
    const operation = this.#slab.get(slot, generation);
    const options = this.#flags[slot]!;
    const astray = (flags & MESSAGE_MARK) !== 0 && operation?.takesMessages !== true;
    if (operation === undefined || (options & RETAINED) !== 0 || astray) {
      if (slot === BACKEND && generation === BACKEND && !astray)
        this.#queues.control[BACKEND_FIRED] = 1;
      else {
        this.counters.stale++;
        this.#trace?.completed(null, slot, generation, res, flags);
        this.#diagnostics.stale(slot, generation, res, flags);
      }
      return;
    }
    if (this.#trace !== null) {
      this.#trace.completed(operation.name, slot, generation, res, flags);
    }
    const cqe = this.#cqe;
    cqe.res = res;
    cqe.flags = flags;
    if ((flags & F_BUFFER) !== 0) this.arrivals.arrived(operation.bufferGroup, cqe);
    this.#completionRecord.select(slot);
    const sink = this.#sinks[slot]!;
    this.counters.completed++;
    if (res === ENOBUFS) this.counters.noBuffers++;
    if ((flags & F_MORE) !== 0) {
      if ((options & OPENS) !== 0) operation.opened(cqe);
      if (this.#cancellation.missing) this.#cancellation.goesOn(slot, generation >>> 0);
      if (sink !== null) sink.complete(operation, cqe, false);
      else if (manual !== null && (options & INTERNAL) === 0) manual(operation, cqe);
      else operation.handler?.(cqe);
      return;
    }
    // The operation may be submitted again from its handler; the slot is given back only after it, as the handler reads the record.
    this.#marks.vacate(slot);
    if ((options & INTERNAL) === 0) this.counters.pending--;
    if ((options & BACKGROUND) !== 0) this.#references.background--;
    let retained = false;
    try {
      releaseReporting(operation, cqe);
      if (sink !== null) sink.complete(operation, cqe, true);
      else if (res < 0 || (options & SKIP_SUCCESS) === 0) {
        if (manual !== null && (options & INTERNAL) === 0)
          retained = manual(operation, cqe) === 'retain';
        else operation.handler?.(cqe);
      }
    } finally {
      this.#sinks[slot] = null;
      if (retained) {
        this.#flags[slot] = RETAINED;
        this.#retained++;
        this.counters.pending++;
      } else {
        this.#slab.release(slot);
      }
    }
  }

  #tryInternal(operation: OpCode<unknown>): boolean {
    if (this.#state === 'closed') return true;
    if (this.chainOpen || this.#writer.writing) return false;
    if (this.#slab.used >= this.#slab.capacity) return false;
    if (!this.#queues.hasRoom(1)) this.#queues.enter();
    if (!this.#queues.hasRoom(1)) return false;
    this.#enqueue(operation, INTERNAL, null);
    return true;
  }
}
