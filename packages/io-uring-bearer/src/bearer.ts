import type { Lease } from '@ringbearer/io-uring-buffer';
import { type Descriptor, type FixedFileTable, RawFd } from '@ringbearer/io-uring-fd';
import { type OpCode, SetupFlag, SubmissionFlags } from '@ringbearer/io-uring-opcode';
import type { RawRing } from '@ringbearer/native/ring';
import { BearerBuffers } from './bearer-buffers.js';
import { registerFiles } from './bearer-files.js';
import { type BearerCapacity, CapacityLedger, type QueueSizes } from './capacity.js';
import { Chain, type ChainElementOptions, chainBearer } from './chain.js';
import { BearerDiagnostics } from './diagnostics.js';
import { Engine } from './engine.js';
import { closedError } from './errors.js';
import { Futex } from './futex.js';
import { decodeKey, encodeKey, keyOf, type SubmissionKey } from './key.js';
import { Listener, type ListenerHost, type ListenOptions, type SocketName } from './listener.js';
import { ManualDrive } from './manual-drive.js';
import { OpenStreams } from './open-streams.js';
import {
  type BearerOptions,
  bearerOptions,
  type ManualHandler,
  optionsOf,
  type StreamOptions,
  type SubmitOptions,
  type WaitOptions,
} from './options.js';
import { lookUpPeer } from './peer-lookup.js';
import { type Capabilities, describeCapabilities, type Probe, probeRing } from './probe.js';
import { PromiseSink } from './promise-sink.js';
import { Registrar } from './registration/registrar.js';
import { Registration } from './registration/registration.js';
import { RestrictionSet } from './registration/restrictions.js';
import { type CancelNowOptions, type CancelTarget, cancelNow } from './registration/sync-cancel.js';
import { grantMinWait } from './ring/min-wait.js';
import { Resizing } from './ring/resizing.js';
import { RingQueues } from './ring/ring-queues.js';
import { type DriverKind, grantDriver, setupRing } from './ring/setup.js';
import { type BearerStats, reportStats } from './stats.js';
import { TypedPush } from './typed-push.js';

const { NONE } = SubmissionFlags;

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
export class UringBearer extends TypedPush {
  /** Buffer pools, provided-buffer rings and groups, futex words. */
  readonly buffers: BearerBuffers;
  /** The fixed-file table: direct descriptors. Null when RegisteredFd is 0. */
  readonly files: FixedFileTable | null;
  /** What else the kernel can be told about this ring: eventfd, personalities, worker threads, busy polling, clock. */
  readonly registration: Registration;
  /**
   * The ring's own descriptor: the target of MsgRing in other threads, and of epoll and PollAdd of others, which find it readable
   * when there are completions. A ring of the drivers `'owner'` and `'manual'` never wakes an epoll: there only MsgRing does. It is not to be
   * closed, which the Close operation refuses.
   */
  readonly descriptor: RawFd;
  /** How this bearer shares its thread with libuv: as asked, except that a thread has one `'owner'`. */
  readonly driver: DriverKind;

  readonly #raw: RawRing;
  readonly #queues: RingQueues;
  readonly #ledger: CapacityLedger;
  readonly #probe: Probe;
  readonly #engine: Engine;
  readonly #registrar: Registrar;
  readonly #resizing: Resizing;
  readonly #minWaitUs: number;
  readonly #diagnostics: BearerDiagnostics = new BearerDiagnostics(this);
  readonly #streams: OpenStreams;
  readonly #manual: ManualDrive;
  readonly #listeners = new Set<Listener>();
  #closing: Promise<void> | null = null;

  /**
   * Sets up a ring. It lives until {@link close}, as a server does: a bearer that is merely forgotten is not collected, and keeps the
   * process alive only while operations are in flight.
   *
   * @param capacity what the bearer is bounded in, fixed for its life but for {@link resize}; only `CoreQueue` is required
   * @throws TypeError, RangeError for a capacity out of bounds
   * @throws RingSetupError when the kernel refuses, with what to do about it
   */
  static withCapacity(capacity: BearerCapacity, options: BearerOptions = {}): UringBearer {
    return new UringBearer(capacity, options);
  }

  private constructor(capacity: BearerCapacity, options: BearerOptions) {
    super();
    const ledger = new CapacityLedger(capacity, (error) => this.#diagnostics.atCapacity(error));
    this.#ledger = ledger;
    this.driver = grantDriver(bearerOptions(options).driver ?? 'embedded');
    const restrictions = RestrictionSet.of(options.restrictions, this.driver);
    const raw = setupRing(
      this.driver,
      ledger.limit('CoreQueue'),
      ledger.limit('CompletionQueue'),
      options.ringFactory,
      restrictions === null ? 0 : SetupFlag.R_DISABLED,
    );
    this.#raw = raw;
    try {
      this.#queues = new RingQueues(raw);
      this.#probe = probeRing(raw, options.disableOpcodes ?? [], restrictions);
      // In front of the engine, whose operations report to it.
      this.files = registerFiles(raw, ledger, options.manualFiles ?? 0);
      const engine = new Engine(
        raw,
        this.#queues,
        this.#probe,
        ledger.limit('PendingCompletions'),
        options,
        this.#diagnostics,
      );
      this.#engine = engine;
      const { driver = 'embedded', minWaitUs = 0 } = options;
      this.#minWaitUs = grantMinWait(raw, driver, this.driver, minWaitUs);
      this.#resizing = new Resizing(raw, this.#queues, ledger, this.driver);
      this.buffers = new BearerBuffers(raw, ledger, engine.arrivals);
      this.#streams = new OpenStreams(engine, this.buffers);
      this.#manual = new ManualDrive(raw, engine, this.driver);
      this.descriptor = new RawFd(raw.descriptor);
      const restricted = restrictions !== null;
      this.#registrar = new Registrar(raw, { closed: () => this.closed, restricted });
      this.registration = new Registration(this.#registrar, engine.personalities);
      restrictions?.enable(raw, this.#probe);
      if (this.driver !== 'manual')
        raw.start(this.driver === 'embedded' ? 0 : 1, () => engine.turn());
    } catch (error) {
      raw.close();
      throw error;
    }
    this.#diagnostics.opened();
  }

  /** Accepts no submissions any more: closed, or closing. */
  get closed(): boolean {
    return this.#engine.state !== 'open';
  }

  /** True while completions are being handled: what is pushed now leaves with this batch. */
  get inBatch(): boolean {
    return this.#engine.inTurn;
  }

  /**
   * Queues an operation: the fast form. Each completion goes to `operation.handler`. Nothing is allocated; the entry reaches the
   * kernel with the others of this turn of the event loop, or with {@link flush}.
   *
   * @returns the submission's key, for {@link cancel}
   * @throws BearerError `BEARER_CLOSED`, `OPERATION_IN_FLIGHT`, `SUBMISSION_QUEUE_FULL`; with DRAIN `MULTISHOT_IN_FLIGHT`, `CHAIN_OPEN`
   * @throws AtCapacity, UnsupportedOpcodeError, OwnerError: in every case nothing was submitted or changed
   */
  push(operation: OpCode<unknown>, flags: number = NONE): SubmissionKey {
    const { slot, generation } = this.#engine.submit(operation, flags, null);
    return encodeKey(slot, generation);
  }

  /**
   * Submits an operation and returns a Promise of its decoded result. Aborting the signal asks the kernel to cancel; the
   * Promise settles with the operation's own completion in any case.
   *
   * @throws as {@link push}, by rejecting
   */
  submit<Result>(operation: OpCode<Result>, options: SubmitOptions = {}): Promise<Result> {
    const { signal, flags = NONE } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (operation?.multishot) {
      return Promise.reject(
        new TypeError(
          `Cannot submit ${operation.name} for one result as it completes many times: use stream()`,
        ),
      );
    }
    const sink = new PromiseSink<Result>(signal, () => this.#engine.cancel(operation));
    try {
      this.#engine.submit(operation, flags, sink);
    } catch (error) {
      sink.detach();
      return Promise.reject(error);
    }
    return sink.promise;
  }

  /**
   * Submits a multishot operation and iterates over its decoded results. It is submitted again when the kernel ends it without an
   * error (out of buffers: once some were given back). The end of a byte stream ends the iteration. Leaving the loop, or aborting the
   * signal, cancels the operation, waits until the kernel is done with it, and frees results that nobody took. When the consumer
   * falls behind by `highWater` results the operation is cancelled, and submitted again once the consumer caught up. Where the bearer is
   * full then, the stream waits for room; only the first submission throws.
   *
   * A buffer that a result names belongs to the consumer until he gives it back: `buffers.lease(operation, result)` (of a bundle
   * `leaseRun`), or the ring's own `lease` or `recycle`.
   *
   * Closing the bearer ends every iteration with `BEARER_CLOSED`.
   *
   * @throws as {@link push}; RangeError for a bad `highWater`; the reason of a signal that is aborted
   */
  stream<Result>(
    operation: OpCode<Result>,
    options: StreamOptions = {},
  ): AsyncIterableIterator<Result> {
    const { flags = NONE } = optionsOf('stream', options);
    return this.#streams.open(operation, flags, options);
  }

  /**
   * Starts a chain: operations that follow each other in the kernel, submitted all at once or not at all.
   * @throws TypeError for a multishot operation
   */
  chain<Result>(first: OpCode<Result>, options?: ChainElementOptions): Chain<[Result]> {
    return new Chain<[]>(chainBearer(this.#engine)).link(first, options);
  }

  /**
   * Asks the kernel to cancel a submission. Its own completion still comes, with -ECANCELED or, when it had won the race, its
   * result. A key whose operation has completed is ignored, and so is an operation that is not in flight here. TypeError for what is neither.
   */
  cancel(target: SubmissionKey | OpCode<unknown>): void {
    this.#engine.cancel(keyOf(target));
  }

  /**
   * Cancels at once, in one system call beside the submission queue: one submission, or operations by what they work on. What is
   * queued is submitted first. Their completions still come as those of {@link cancel} do, and free memory and records. With the
   * driver `'owner'` the bearer's own poll counts among what `any` finds.
   *
   * Kernel 6.0. io_uring_register_sync_cancel(3).
   *
   * @returns operations cancelled; 0 when there are none, or when they did not stop in time. With `all`, and after it blocked, the
   * kernel no longer knows how many: 0 says that none is left then
   * @throws BearerError `BEARER_CLOSED`; RegistrationError (EBADF: no such descriptor); TypeError, RangeError
   *
   * @example
   * ```ts
   * import { UringBearer } from '@ringbearer/io-uring-bearer';
   * import { OpNumber, Timeout } from '@ringbearer/io-uring-opcode';
   *
   * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
   * const timers = [1, 2, 3].map((hours) => bearer.submit(new Timeout({ milliseconds: hours * 3_600_000 })));
   * console.log(bearer.cancelNow({ opcode: OpNumber.TIMEOUT }, { all: true })); // 3
   * const ended = await Promise.allSettled(timers);
   * console.log(ended.map(({ status }) => status)); // all 'rejected', with ECANCELED
   * await bearer.close();
   * ```
   */
  cancelNow(target: CancelTarget, options: CancelNowOptions = {}): number {
    return cancelNow(this.#registrar, this.#engine, target, options);
  }

  /**
   * Hands everything queued to the kernel now instead of at the end of this turn.
   *
   * @returns entries the kernel took
   */
  flush(): number {
    return this.#engine.enter();
  }

  /**
   * Manual driver: submits what is queued and waits. What a drain holds back is not waited for: {@link handleCompletions} lets it go.
   *
   * @param minComplete completions to wait for. Default 1
   * @param wait bounds on the wait, or its `timeoutMs` alone. Default: none
   * @returns entries the kernel took
   * @throws TypeError for another driver; RangeError; BearerError `BEARER_CLOSED`, `UNSUPPORTED_FEATURE` (`minWaitUs` before kernel 6.12)
   *
   * @example
   * ```ts
   * import { UringBearer } from '@ringbearer/io-uring-bearer';
   * import { Timeout } from '@ringbearer/io-uring-opcode';
   *
   * const bearer = UringBearer.withCapacity({ CoreQueue: 8 }, { driver: 'manual' });
   * for (const milliseconds of [1, 2, 5000]) bearer.push(new Timeout({ milliseconds }));
   * const minWaitUs = bearer.probe().features.includes('MIN_TIMEOUT') ? 20_000 : undefined;
   * bearer.submitAndWait(minWaitUs === undefined ? 2 : 3, { timeoutMs: 1000, minWaitUs });
   * console.log(bearer.handleCompletions()); // 2: all there were after 20 milliseconds
   * await bearer.close();
   * ```
   */
  submitAndWait(minComplete = 1, wait: number | WaitOptions = {}): number {
    return this.#manual.wait(minComplete, wait);
  }

  /**
   * Manual driver: handles at most `limit` completions. Those of `push` go to the operation's handler, or to `fn` when given; the
   * answer `'forget'` frees the record after a final completion, `'retain'` keeps it for {@link forget} (what the kernel may
   * still use is never freed, whatever the answer).
   *
   * @returns completions handled
   */
  handleCompletions(
    limit: number = Number.POSITIVE_INFINITY,
    fn: ManualHandler | null = null,
  ): number {
    return this.#manual.handle(limit, fn);
  }

  /** Frees a record that a manual handler retained after its final completion. */
  forget(key: SubmissionKey): void {
    this.#engine.forget(decodeKey(key));
  }

  /** Kernel memory for single operations: `buffers.allocate`. */
  allocate(byteLength: number): Lease {
    return this.buffers.allocate(byteLength);
  }

  /**
   * A word to wait on and wake: `words[index]` of a SharedArrayBuffer, or without arguments a word of this thread's own, 0 at first.
   *
   * @throws AtCapacity for Futexes; TypeError when `words` is no Int32Array on a SharedArrayBuffer; RangeError for an index outside of it
   */
  futex(words?: Int32Array, index = 0): Futex {
    const { buffers } = this;
    return new Futex(
      this,
      words === undefined ? buffers.futex() : buffers.sharedFutex(words, index),
    );
  }

  /**
   * A listening socket of this ring.
   * @throws the system's error, with code (`EADDRINUSE`), errno and syscall, and address and port, or path
   */
  listen(options: ListenOptions = {}): Listener {
    if (this.closed) throw closedError();
    const host: ListenerHost = {
      followUp: (operation) => this.#engine.followUp(operation),
      closed: (closed) => this.#listeners.delete(closed),
    };
    const listener = new Listener(this, this.#raw, host, options);
    this.#listeners.add(listener);
    return listener;
  }

  /**
   * The peer's name of a connected socket, at once. For a direct descriptor this makes a regular one for a moment: three system
   * calls.
   * @throws the system's error (ENOTCONN when the peer is gone), BearerError `CHAIN_OPEN`, `NOT_AT_ONCE`
   */
  peerName(socket: Descriptor): SocketName {
    return lookUpPeer(this.#engine, socket);
  }

  /** What the kernel supports: opcodes, features, setup flags, version. */
  probe(): Probe {
    return this.#probe;
  }

  /** What this bearer was granted, in words. */
  capabilities(): Capabilities {
    return describeCapabilities(this.#raw, this.#probe, this.driver, this.#minWaitUs);
  }

  /**
   * Gives the queues other sizes, up or down, with everything in flight: IORING_REGISTER_RESIZE_RINGS (kernel 6.13). Nothing is lost:
   * entries that are queued and completions that wait move along. Only `CoreQueue` and `CompletionQueue` change; what is not given
   * stays as it is, and PendingCompletions stays in any case.
   *
   * The queues are replaced once the running code, a completion handler for one, has returned; then the Promise resolves. When what
   * waits does not fit into smaller queues, the owner driver handles it first, and the manual driver rejects with `RESIZE_BUSY`.
   * It takes the locked memory of both sizes for a moment, and 0.2 to 5 milliseconds: for a program that learns how busy it is, not for
   * each burst.
   *
   * Rejects, with nothing changed, with
   * - RangeError, TypeError: sizes out of the bounds of {@link BearerCapacity}
   * - BearerError `UNSUPPORTED_REGISTRATION`: the embedded driver, or a kernel before 6.13
   * - BearerError `RESIZE_BUSY`, `RESIZE_FAILED` (the system's refusal is its `cause`), `CHAIN_OPEN`, `BEARER_CLOSED`
   *
   * Some kernels from 6.13 on can crash when an operation completes on another processor at that very moment. Linux 7.0 has the
   * mend ("io_uring: ensure ctx->rings is stable for task work flags manipulation"), as have later releases of the stable kernels.
   *
   * @example
   * ```ts
   * import { BearerError, UringBearer } from '@ringbearer/io-uring-bearer';
   * import { Timeout } from '@ringbearer/io-uring-opcode';
   *
   * const bearer = UringBearer.withCapacity({ CoreQueue: 8 }, { driver: 'owner' });
   * const timer = bearer.submit(new Timeout({ milliseconds: 1 }));
   * try {
   *   await bearer.resize({ CoreQueue: 64, CompletionQueue: 1024 });
   *   console.log(bearer.stats().capacity.CompletionQueue.limit); // 1024
   * } catch (error) {
   *   if (!(error instanceof BearerError)) throw error;
   *   console.log(error.code); // UNSUPPORTED_REGISTRATION, before Linux 6.13
   * }
   * await timer;
   * await bearer.close();
   * ```
   */
  resize(sizes: QueueSizes): Promise<void> {
    return this.#resizing.run(sizes, this.#engine);
  }

  /** Counters since construction, and the use of every capacity. */
  stats(): BearerStats {
    return reportStats(this.#engine.counters, this.#queues, this.#ledger, this.files);
  }

  /** Operations in flight keep the process alive (the default). */
  ref(): this {
    this.#engine.setReferenced(true);
    return this;
  }

  /** Operations in flight do not keep the process alive. */
  unref(): this {
    this.#engine.setReferenced(false);
    return this;
  }

  /**
   * Cancels everything in flight, waits for every final completion, closes its listeners, unregisters, and lets the ring go. Streams
   * end with `BEARER_CLOSED`. Calling it again returns the same Promise.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** As {@link close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#streams.stop();
    await this.#engine.close();
    for (const listener of this.#listeners) listener.removePath();
    this.#listeners.clear();
    try {
      this.buffers.close();
    } finally {
      this.#raw.close();
      this.files?.close(); // the books only: the table went with the ring
    }
    this.#diagnostics.closed();
  }
}
