import { release } from 'node:os';
import type { Lease } from '@ringbearer/io-uring-buffer';
import type { Descriptor, FixedFileTable } from '@ringbearer/io-uring-fd';
import {
  Cqe,
  CqeFlag,
  FixedFdInstall,
  type OpCode,
  OpCodeError,
  type OperationKey,
  RECORD_BYTES,
  RecordMemory,
  Sqe,
  SubmissionFlags,
} from '@ringbearer/io-uring-opcode';
import { addressOf, closeFd, controlWords, peerName, type RawRing } from '@ringbearer/native/ring';
import { BearerBuffers } from './bearer-buffers.js';
import { registerFiles } from './bearer-files.js';
import { type BearerCapacity, CapacityLedger } from './capacity.js';
import { cancelAll, cancelOperation } from './cancel.js';
import { AtCapacity, BearerError, UnsupportedOpcodeError } from './errors.js';
import { decodeKey, encodeKey, type SubmissionKey } from './key.js';
import { Listener, type ListenOptions, type SocketName } from './listener.js';
import type { BearerOptions, ManualHandler, StreamOptions, SubmitOptions } from './options.js';
import { type Capabilities, describeCapabilities, type Probe, probeRing } from './probe.js';
import { PromiseSink } from './promise-sink.js';
import { reportError } from './report-error.js';
import { RingQueues } from './ring/ring-queues.js';
import { type DriverKind, setupRing } from './ring/setup.js';
import type { Sink } from './sink.js';
import { ArraySlab } from './slab/array-slab.js';
import type { Slabbable } from './slab/slabbable.js';
import type { BearerStats } from './stats.js';
import { StreamSink } from './stream-sink.js';

const KERNEL_FLAGS = SubmissionFlags.DRAIN | SubmissionFlags.LINK | SubmissionFlags.HARD_LINK | SubmissionFlags.ASYNC;
const KNOWN_FLAGS = KERNEL_FLAGS | SubmissionFlags.SKIP_SUCCESS | SubmissionFlags.BACKGROUND;
const F_MORE = CqeFlag.MORE;
const ENOBUFS = -105;
/** In the flags of a record: its operation completed, a manual handler keeps it. */
const RETAINED = 1 << 15;
const { references: REFERENCES, referenced: REFERENCED, backendFired: BACKEND_FIRED, enters: ENTERS } = controlWords;
/** user_data of the poll that the owner driver keeps on libuv's backend descriptor, both halves. */
const BACKEND = -1;
/** Rounds of drain and enter a wake-up may take before the event loop has its turn. */
const ROUNDS_MAX = 4;
/** Internal cancellations that may be in flight beyond PendingCompletions. */
const SPARE_SLOTS = 16;

type State = 'open' | 'closing' | 'closed';

/**
 * One io_uring for one thread: typed operations in, typed completions out, everything bounded by capacities given at construction.
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Nop } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 64 });
 * console.log('nop:', await bearer.submit(new Nop()));
 * await bearer.close();
 * ```
 */
export class UringBearer {
  /** Buffer pools, provided-buffer rings and groups, futex words. */
  readonly buffers: BearerBuffers;
  /** The fixed-file table: direct descriptors. Null when RegisteredFd is 0. */
  readonly files: FixedFileTable | null;
  /** How this bearer shares its thread with libuv. */
  readonly driver: DriverKind;

  readonly #raw: RawRing;
  readonly #queues: RingQueues;
  readonly #ledger: CapacityLedger;
  readonly #probe: Probe;
  readonly #supported: Uint8Array;
  readonly #slab: Slabbable<OpCode<unknown>>;
  readonly #sinks: (Sink | null)[];
  readonly #flags: Uint16Array;
  readonly #completionRecord: RecordMemory;
  readonly #sqe: Sqe;
  readonly #cqe: Cqe;
  readonly #pendingMax: number;
  readonly #onBatch: (() => void) | null;
  readonly #onWake: (() => void) | null;
  #state: State = 'open';
  #inTurn = false;
  /** Head of the completion queue while a batch is handled; the kernel learns of it in steps. */
  #head = 0;
  #pending = 0;
  #retained = 0;
  #pendingPeak = 0;
  #background = 0;
  #referenced = true;
  #closeWaiters: (() => void)[] = [];
  /** Cancellations that found no room; at most one for each record. */
  readonly #deferredCancels = new Map<number, OperationKey>();
  #cancelAllWanted = false;
  #closing: Promise<void> | null = null;
  #submitted = 0;
  #completed = 0;
  #stale = 0;
  #noBuffers = 0;
  #overflows = 0;

  /**
   * Sets up a ring.
   *
   * @param capacity what the bearer is bounded in, fixed for its life; only `CoreQueue` is required
   * @throws TypeError, RangeError for a capacity out of bounds
   * @throws RingSetupError when the kernel refuses, with what to do about it
   */
  static withCapacity(capacity: BearerCapacity, options: BearerOptions = {}): UringBearer {
    return new UringBearer(capacity, options);
  }

  private constructor(capacity: BearerCapacity, options: BearerOptions) {
    const ledger = new CapacityLedger(capacity);
    this.#ledger = ledger;
    this.driver = options.driver ?? 'embedded';
    this.#onBatch = options.onBatch ?? null;
    this.#onWake = options.onWake ?? null;
    this.#pendingMax = ledger.limit('PendingCompletions');
    const raw = setupRing(this.driver, ledger.limit('CoreQueue'), ledger.limit('CompletionQueue'), options.ringFactory);
    this.#raw = raw;
    try {
      this.#queues = new RingQueues(raw);
      this.#probe = probeRing(raw, options.disableOpcodes ?? []);
      this.#supported = this.#probe.supported;
      const slots = Math.min(this.#pendingMax + SPARE_SLOTS, 2 ** 20);
      this.#slab = options.slab?.(slots) ?? new ArraySlab(slots);
      this.#sinks = new Array<Sink | null>(slots).fill(null);
      this.#flags = new Uint16Array(slots);
      const records = raw.map(slots * RECORD_BYTES, false);
      // Two cursors: a completion handler may submit and go on reading its own record.
      const record = () => new RecordMemory(new Uint8Array(records.buffer), records.addressLow, records.addressHigh);
      this.#sqe = new Sqe(this.#queues.entries, record(), addressOf);
      this.#completionRecord = record();
      this.#cqe = new Cqe(this.#completionRecord);
      this.files = registerFiles(raw, ledger, options.manualFiles ?? 0);
      this.buffers = new BearerBuffers(raw, ledger);
      if (this.driver !== 'manual') raw.start(this.driver === 'embedded' ? 0 : 1, () => this.#turn());
    } catch (error) {
      raw.close();
      throw error;
    }
  }

  /** Submissions accepted, until closed. */
  get closed(): boolean {
    return this.#state !== 'open';
  }

  /** True while completions are being handled: what is pushed now leaves with this batch. */
  get inBatch(): boolean {
    return this.#inTurn;
  }

  /**
   * Queues an operation: the fast form. Each completion goes to `operation.handler`. Nothing is allocated; the entry reaches the
   * kernel with the others of this turn of the event loop, or with {@link flush}.
   *
   * @returns the submission's key, for {@link cancel}
   * @throws BearerError `BEARER_CLOSED`, `OPERATION_IN_FLIGHT`, `SUBMISSION_QUEUE_FULL`
   * @throws AtCapacity, UnsupportedOpcodeError, OwnerError: in every case nothing was submitted or changed
   */
  push(operation: OpCode<unknown>, flags: number = SubmissionFlags.NONE): SubmissionKey {
    if (this.#state !== 'open') throw closedError();
    if (this.#pending >= this.#pendingMax) throw new AtCapacity('PendingCompletions', this.#pendingMax, this.#pending);
    this.#enqueue(operation, flags, null);
    return encodeKey(operation.slot, operation.generation);
  }

  /**
   * Submits an operation and returns a Promise of its decoded result. Aborting the signal asks the kernel to cancel; the
   * Promise settles with the operation's own completion in any case.
   *
   * @throws as {@link push}, by rejecting
   */
  submit<Result>(operation: OpCode<Result>, options: SubmitOptions = {}): Promise<Result> {
    const { signal, flags = SubmissionFlags.NONE } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (operation.multishot) {
      return Promise.reject(new TypeError(`Cannot submit ${operation.name} for one result as it completes many times: use stream()`));
    }
    const sink = new PromiseSink<Result>(signal, () => this.cancel(operation));
    try {
      this.#enqueueChecked(operation, flags, sink);
    } catch (error) {
      sink.detach();
      return Promise.reject(error);
    }
    return sink.promise;
  }

  /**
   * Submits a multishot operation and iterates over its decoded results. It is submitted again when the kernel ends it without an
   * error (out of buffers: once some were given back). Leaving the loop, or aborting the signal, cancels it and waits until the
   * kernel is done with it. When the consumer falls behind by `highWater` results the operation is cancelled, and submitted again
   * once the consumer caught up.
   */
  stream<Result>(operation: OpCode<Result>, options: StreamOptions = {}): AsyncIterableIterator<Result> {
    return new StreamSink<Result>(
      {
        submit: (sink) => this.#enqueueChecked(operation, options.flags ?? SubmissionFlags.NONE, sink),
        cancel: () => this.cancel(operation),
        discard: (follow) => {
          if (this.#state === 'open') this.#enqueueChecked(follow, SubmissionFlags.BACKGROUND, null);
          else this.#enqueue(follow, SubmissionFlags.BACKGROUND, null);
        },
        whenRefilled: (group, resume) => this.buffers.whenRefilled(group, resume),
        isOpen: () => this.#state === 'open',
      },
      operation,
      options,
    );
  }

  /**
   * Asks the kernel to cancel a submission. Its own completion still comes, with -ECANCELED or, when it had won the race, its
   * result. A key whose operation has completed is ignored.
   */
  cancel(target: SubmissionKey | OpCode<unknown>): void {
    const key = typeof target === 'number' ? decodeKey(target) : target;
    if (this.#slab.get(key.slot, key.generation | 0) === undefined) return;
    if (!this.#tryCancel(key)) {
      // Every spare slot is taken by cancellations under way: this one follows when they are done.
      this.#deferredCancels.set(key.slot, { slot: key.slot, generation: key.generation });
    }
  }

  #tryCancel(key: OperationKey): boolean {
    if (this.#slab.used >= this.#slab.capacity || this.#queues.room === 0) return false;
    this.#enqueue(cancelOperation(key), SubmissionFlags.BACKGROUND, null);
    return true;
  }

  #runDeferredCancels(): void {
    if (this.#cancelAllWanted && this.#slab.used < this.#slab.capacity && this.#queues.room > 0) {
      this.#cancelAllWanted = false;
      this.#enqueue(cancelAll(), SubmissionFlags.NONE, null);
    }
    for (const [slot, key] of this.#deferredCancels) {
      const gone = this.#slab.get(slot, key.generation | 0) === undefined;
      if (!gone && !this.#tryCancel(key)) return;
      this.#deferredCancels.delete(slot);
    }
  }

  /**
   * Hands everything queued to the kernel now instead of at the end of this turn.
   *
   * @returns entries the kernel took
   */
  flush(): number {
    if (this.#state === 'closed') return 0;
    const result = this.#queues.enter();
    return result < 0 ? 0 : result;
  }

  /**
   * Manual driver: submits what is queued and waits.
   *
   * @param minComplete completions to wait for
   * @param timeoutMs bound on the wait; none when left out
   */
  submitAndWait(minComplete = 1, timeoutMs = 0): number {
    this.#demandManual();
    const result = this.#queues.enter(minComplete, Math.min(2_000_000_000, Math.round(timeoutMs * 1000)));
    return result < 0 ? 0 : result;
  }

  /**
   * Manual driver: handles at most `limit` completions. Those of `push` go to the operation's handler, or to `fn` when given; the
   * answer `'forget'` frees the record after a final completion, `'retain'` keeps it for {@link forget} (what the kernel may
   * still use is never freed, whatever the answer).
   *
   * @returns completions handled
   */
  handleCompletions(limit: number = Number.POSITIVE_INFINITY, fn: ManualHandler | null = null): number {
    this.#demandManual();
    return this.#drain(limit, fn);
  }

  /** Frees a record that a manual handler retained after its final completion. */
  forget(key: SubmissionKey): void {
    const { slot, generation } = decodeKey(key);
    const operation = this.#slab.get(slot, generation | 0);
    if (operation === undefined) return;
    if ((this.#flags[slot]! & RETAINED) === 0) {
      throw new BearerError('OPERATION_IN_FLIGHT', `Cannot forget ${operation.name} as the kernel still holds it: wait for its final completion`);
    }
    this.#slab.release(slot);
    this.#retained--;
    this.#pending--;
  }

  /** Kernel memory for single operations: `buffers.allocate`. */
  allocate(byteLength: number): Lease {
    return this.buffers.allocate(byteLength);
  }

  /**
   * A listening socket of this ring.
   * @throws the system's error, with code (`EADDRINUSE`), errno and syscall
   */
  listen(options: ListenOptions): Listener {
    if (this.#state !== 'open') throw closedError();
    return new Listener(this, options);
  }

  /**
   * The peer's name of a connected socket, at once. For a direct descriptor this makes a regular one for a moment: three system
   * calls.
   * @throws the system's error (ENOTCONN when the peer is gone), BearerError
   */
  peerName(socket: Descriptor): SocketName {
    if (!socket.direct) return peerName(socket.number);
    const fd = this.#installInline(socket);
    try {
      return peerName(fd);
    } finally {
      closeFd(fd);
    }
  }

  /** FIXED_FD_INSTALL completes while it is submitted: its completion is read without consuming the queue. */
  #installInline(socket: Descriptor): number {
    if (this.#state !== 'open') throw closedError();
    const install = new FixedFdInstall({ descriptor: socket });
    // Should the completion not be readable here, its descriptor must not be lost.
    let taken = false;
    install.handler = (cqe) => {
      if (!taken && cqe.res >= 0) closeFd(cqe.res);
    };
    this.#enqueue(install, SubmissionFlags.BACKGROUND, null);
    const queues = this.#queues;
    const { slot, generation } = install;
    queues.enter();
    const { words, completionsAt, completionsMask } = queues;
    const from = this.#inTurn ? this.#head : queues.completionHead;
    const tail = queues.completionTail;
    for (let head = from; head !== tail; head = (head + 1) | 0) {
      const at = completionsAt + ((head & completionsMask) << 2);
      if (words[at] !== slot || words[at + 1]! >>> 0 !== generation) continue;
      taken = true;
      if (words[at + 2]! < 0) throw new OpCodeError(install.name, -words[at + 2]!);
      return words[at + 2]!;
    }
    throw new BearerError('COMPLETION_QUEUE_FULL', 'Cannot look up the peer as the completion queue is full: handle completions first');
  }

  /** What the kernel supports: opcodes, features, setup flags, version. */
  probe(): Probe {
    return this.#probe;
  }

  /** What this bearer was granted, in words. */
  capabilities(): Capabilities {
    return describeCapabilities(this.#raw, this.#probe, this.driver);
  }

  /** Counters since construction, and the use of every capacity. */
  stats(): BearerStats {
    return {
      submitted: this.#submitted,
      completed: this.#completed,
      enters: this.#queues.control[ENTERS]! >>> 0,
      overflows: this.#overflows,
      dropped: this.#queues.dropped,
      stale: this.#stale,
      noBuffers: this.#noBuffers,
      capacity: {
        ...this.#ledger.report(),
        PendingCompletions: { limit: this.#pendingMax, used: this.#pending, peak: this.#pendingPeak },
      },
    };
  }

  /** Operations in flight keep the process alive (the default). */
  ref(): this {
    this.#referenced = true;
    this.#updateReferences();
    return this;
  }

  /** Operations in flight do not keep the process alive. */
  unref(): this {
    this.#referenced = false;
    this.#updateReferences();
    return this;
  }

  /**
   * Cancels everything in flight, waits for every final completion, unregisters, and lets the ring go. Calling it again returns the
   * same Promise.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#state = 'closing';
    this.#referenced = true;
    if (this.#inFlight > 0) {
      // Once is enough for what is there now; what a discarded completion still submits (a close) ends by itself.
      this.#cancelAllWanted = true;
      if (this.#queues.room === 0) this.#queues.enter();
      this.#runDeferredCancels();
      if (this.driver === 'manual') {
        while (this.#inFlight > 0) {
          this.#queues.enter(this.#queues.hasCompletions ? 0 : 1);
          this.#drain(Number.POSITIVE_INFINITY);
        }
      } else {
        this.#queues.enter();
        await new Promise<void>((resolve) => this.#closeWaiters.push(resolve));
      }
    }
    this.#state = 'closed';
    this.buffers.close();
    this.#raw.close();
  }

  /** Apart from the compiler's narrowing: handlers may have closed the bearer. */
  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  get #inFlight(): number {
    return this.#slab.used - this.#retained;
  }

  #enqueueChecked(operation: OpCode<unknown>, flags: number, sink: Sink | null): void {
    if (this.#state !== 'open') throw closedError();
    if (this.#pending >= this.#pendingMax) throw new AtCapacity('PendingCompletions', this.#pendingMax, this.#pending);
    this.#enqueue(operation, flags, sink);
  }

  /** Writes one entry. Either everything below happens or nothing. */
  #enqueue(operation: OpCode<unknown>, flags: number, sink: Sink | null): void {
    if (operation.slot >= 0) throw inFlightError(operation);
    const code = operation.code;
    if (this.#supported[code] !== 1) throw new UnsupportedOpcodeError(operation.name, operation.since, release());
    if ((flags & ~KNOWN_FLAGS) !== 0) throw flagsError(flags);
    const queues = this.#queues;
    if (queues.room === 0) this.#makeRoom();
    operation.acquire();
    const slab = this.#slab;
    const slot = slab.reserve();
    if (slot < 0) {
      operation.rollback();
      throw new AtCapacity('PendingCompletions', this.#pendingMax, this.#pending);
    }
    const generation = slab.generation(slot);
    try {
      this.#sqe.open(queues.nextEntry, code | ((flags & KERNEL_FLAGS) << 8), slot, generation);
      operation.prepare(this.#sqe);
    } catch (error) {
      slab.cancel(slot);
      operation.rollback();
      throw error;
    } finally {
      this.#sqe.seal();
    }
    slab.commit(slot, operation);
    this.#sinks[slot] = sink;
    this.#flags[slot] = flags;
    operation.slot = slot;
    operation.generation = generation >>> 0;
    queues.advance();
    this.#submitted++;
    const pending = ++this.#pending;
    if (pending > this.#pendingPeak) this.#pendingPeak = pending;
    if ((flags & SubmissionFlags.BACKGROUND) !== 0) this.#background++;
    this.#updateReferences();
  }

  /** The submission queue is full: submit, and say so clearly when the kernel takes nothing. */
  #makeRoom(): void {
    this.#queues.enter();
    if (this.#queues.room > 0) return;
    // EBUSY: completions are kept back because their queue is full. What was read so far, or can be read now, makes room.
    if (this.#inTurn) this.#queues.publishHead(this.#head);
    else this.#drain(Number.POSITIVE_INFINITY);
    this.#queues.enter();
    if (this.#queues.room > 0) return;
    throw new BearerError(
      'SUBMISSION_QUEUE_FULL',
      'Cannot queue an operation as the submission queue is full and the kernel takes none: handle completions first, or give the bearer a larger CoreQueue',
    );
  }

  #updateReferences(): void {
    const { control } = this.#queues;
    const count = this.#referenced ? this.#pending - this.#background : 0;
    control[REFERENCES] = count;
    // The loop hooks lower it when the loop turns; raising must happen now, as the loop may have nothing else to turn for.
    if (count > 0 && control[REFERENCED] === 0) this.#raw.reference();
  }

  /** Called by the loop driver when there are completions. */
  #turn(): void {
    if (this.#state === 'closed') return;
    const queues = this.#queues;
    this.#onWake?.();
    for (let round = 1; ; round++) {
      if (queues.overflowing) this.#overflows++;
      this.#drain(Number.POSITIVE_INFINITY);
      if (this.#onBatch !== null) this.#runBatch();
      if (this.#isClosed()) return;
      if (round === ROUNDS_MAX) break;
      if (queues.unsubmitted === 0 && !queues.needsEnter) break;
      queues.enter();
      if (!queues.hasCompletions) break;
    }
    this.#settleClose();
  }

  #runBatch(): void {
    this.#inTurn = true;
    try {
      this.#onBatch!();
    } catch (error) {
      reportError(error);
    } finally {
      this.#inTurn = false;
    }
  }

  #settleClose(): void {
    if (this.#state !== 'closing' || this.#inFlight > 0) return;
    for (const resolve of this.#closeWaiters.splice(0)) resolve();
  }

  /** Handles completions that are in the queue. Every entry is consumed before its handler runs, so a throw loses none. */
  #drain(limit: number, manual: ManualHandler | null = null): number {
    if (this.#inTurn) return 0;
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
    if (this.#deferredCancels.size > 0 || this.#cancelAllWanted) this.#runDeferredCancels();
    this.#inTurn = false;
    this.#updateReferences();
    return count;
  }

  #dispatch(slot: number, generation: number, res: number, flags: number, manual: ManualHandler | null): void {
    const operation = this.#slab.get(slot, generation);
    if (operation === undefined) {
      if (slot === BACKEND && generation === BACKEND) this.#queues.control[BACKEND_FIRED] = 1;
      else this.#stale++;
      return;
    }
    const cqe = this.#cqe;
    cqe.res = res;
    cqe.flags = flags;
    this.#completionRecord.select(slot);
    const final = (flags & F_MORE) === 0;
    const sink = this.#sinks[slot]!;
    const options = this.#flags[slot]!;
    this.#completed++;
    if (res === ENOBUFS) this.#noBuffers++;
    if (!final) {
      if (sink !== null) sink.complete(operation, cqe, false);
      else if (manual !== null) manual(operation, cqe);
      else operation.handler?.(cqe);
      return;
    }
    // The operation may be submitted again from its handler; the slot is given back only after it, as the handler reads the record.
    operation.slot = -1;
    operation.release(cqe);
    this.#pending--;
    if ((options & SubmissionFlags.BACKGROUND) !== 0) this.#background--;
    let retained = false;
    try {
      if (sink !== null) sink.complete(operation, cqe, true);
      else if (res < 0 || (options & SubmissionFlags.SKIP_SUCCESS) === 0) {
        if (manual !== null) retained = manual(operation, cqe) === 'retain';
        else operation.handler?.(cqe);
      }
    } finally {
      if (retained) {
        this.#flags[slot] = RETAINED;
        this.#retained++;
        this.#pending++;
      } else {
        this.#sinks[slot] = null;
        this.#slab.release(slot);
      }
    }
  }

  #demandManual(): void {
    if (this.driver !== 'manual') {
      throw new TypeError(`Cannot drive completions by hand as the driver is '${this.driver}': construct the bearer with { driver: 'manual' }`);
    }
    if (this.#state === 'closed') throw closedError();
  }
}

function closedError(): BearerError {
  return new BearerError('BEARER_CLOSED', 'Cannot submit as the bearer is closed: make a new one');
}

function inFlightError(operation: OpCode<unknown>): BearerError {
  return new BearerError(
    'OPERATION_IN_FLIGHT',
    `Cannot submit ${operation.name} as this object is in flight: wait for its final completion, or use another object`,
  );
}

function flagsError(flags: number): RangeError {
  return new RangeError(`Cannot submit with flags ${flags} as they must come from SubmissionFlags`);
}
