import { type StatsTable, THREADS_MAX } from '../observe/stats-table.js';
import { DRAIN_TIMEOUT_MS } from '../options.js';
import type { RestartPolicy } from './restart-policy.js';
import type { ThreadEnd, WorkerThread } from './worker-thread.js';

/** How long a connection may wait for a thread that was told to stop accepting, and is too busy to hear it. */
const LOOK_AGAIN_MS = 250;

/** What a slot tells the server. */
export interface SlotHost {
  /** Threads that ended unasked are started again. */
  readonly restarts: boolean;
  /** A thread stopped accepting: those that accept from the same sockets look for what it left. */
  stopped(): void;
  /** A thread ended unasked, or could not be started again. */
  crashed(slot: WorkerSlot, threadId: number, error: Error): void;
  /** It will not be started again. */
  gaveUp(slot: WorkerSlot, error: Error): void;
}

/** One of the workers: a thread that serves, its successors and what is left of its predecessors. */
export class WorkerSlot {
  readonly index: number;
  readonly #table: StatsTable;
  readonly #spawn: (row: number) => WorkerThread;
  readonly #policy: RestartPolicy;
  readonly #host: SlotHost;
  readonly #threads = new Set<WorkerThread>();
  #current: WorkerThread | null = null;
  #backOff: NodeJS.Timeout | undefined;
  #restarts = 0;
  #closing = false;

  /** @param spawn starts a thread whose counters are in a row of its own of this worker's part of the table */
  constructor(
    index: number,
    table: StatsTable,
    spawn: (row: number) => WorkerThread,
    policy: RestartPolicy,
    host: SlotHost,
  ) {
    this.index = index;
    this.#table = table;
    this.#spawn = spawn;
    this.#policy = policy;
    this.#host = host;
  }

  /** Every thread there is, for references. */
  get threads(): ReadonlySet<WorkerThread> {
    return this.#threads;
  }

  /**
   * Starts a thread and makes it the one that serves; the one before it, if any, is left to the caller.
   * @throws what it failed with
   */
  async start(): Promise<WorkerThread | null> {
    const thread = this.#spawn(this.#freeRow());
    this.#threads.add(thread);
    void thread.ended.then((end) => this.#onEnd(thread, end));
    await thread.started;
    clearTimeout(this.#backOff);
    const before = this.#current;
    this.#current = thread;
    this.report();
    return before;
  }

  /**
   * Puts a fresh thread in place of the one that serves, which drains.
   *
   * @returns resolves once the fresh one serves, with the end of the old one
   * @throws what the fresh one failed with; the old one serves on
   */
  async replace(drainTimeoutMs: number): Promise<{ readonly drained: Promise<unknown> }> {
    const before = await this.start();
    if (before !== null) this.#retire(before);
    return { drained: before?.drain(drainTimeoutMs, true) ?? Promise.resolve() };
  }

  /** Ends every thread. Those that have not begun to serve are gone when the first Promise resolves: nobody takes up the sockets any more. */
  close(drainTimeoutMs: number): {
    readonly taken: Promise<unknown>;
    readonly ended: Promise<unknown>;
  } {
    this.#closing = true;
    clearTimeout(this.#backOff);
    this.report();
    const starting = [...this.#threads].filter(({ state }) => state === 'starting');
    const ended = [...this.#threads].map((thread) => thread.drain(drainTimeoutMs, false));
    return {
      taken: Promise.all(starting.map((thread) => thread.ended)),
      ended: Promise.all(ended),
    };
  }

  /** Says in the table how it is. */
  report(): void {
    const current = this.#current;
    const serving = current !== null && current.state === 'serving';
    this.#table.report(this.index, {
      threadId: current?.threadId ?? null,
      state: serving ? 'serving' : this.#closing ? 'ended' : 'restarting',
      draining: [...this.#threads].filter(({ drains }) => drains).length,
      restarts: this.#restarts,
    });
  }

  /** @throws Error when there are too many threads */
  #freeRow(): number {
    const taken = new Set([...this.#threads].map(({ row }) => row));
    for (let row = 0; row < THREADS_MAX; row++) {
      if (taken.has(row)) continue;
      this.#table.row(this.index, row);
      return row;
    }
    throw new Error(
      `a worker must have at most ${THREADS_MAX} threads, and worker ${this.index} has them: they still drain, see drainTimeoutMs`,
    );
  }

  /** Until it has stopped accepting, connections may wake a thread that is busy, and wait there though another one is not. */
  #retire(thread: WorkerThread): void {
    const timer = setInterval(() => this.#host.stopped(), LOOK_AGAIN_MS);
    timer.unref();
    void thread.stopped.then(() => {
      clearInterval(timer);
      this.report();
      this.#host.stopped();
    });
  }

  #onEnd(thread: WorkerThread, end: ThreadEnd): void {
    this.#threads.delete(thread);
    this.#table.row(this.index, thread.row).abandon();
    if (!this.#closing) this.#host.stopped();
    const serving = thread === this.#current;
    if (serving) this.#current = null;
    this.report();
    if (this.#closing) return;
    if (!serving) {
      // One that drained, or did not start; whoever started it knows.
      if (thread.wasServing && end.error !== null)
        this.#host.crashed(this, thread.threadId, end.error);
      return;
    }
    const error =
      end.error ??
      new Error(`it ended with code ${end.code}: process.exit() in a worker ends the worker`);
    this.#lost(thread.threadId, error);
  }

  #lost(threadId: number, error: Error): void {
    this.#host.crashed(this, threadId, error);
    if (this.#closing) return;
    const waitMs = this.#host.restarts ? this.#policy.ended(performance.now()) : -1;
    if (waitMs < 0) {
      this.#host.gaveUp(this, error);
      return;
    }
    this.#restarts++;
    this.report();
    this.#backOff = setTimeout(() => void this.#restart(), waitMs);
  }

  async #restart(): Promise<void> {
    try {
      const before = await this.start();
      // A reload may have put a thread of its own in the place meanwhile.
      if (before === null) return;
      this.#retire(before);
      void before.drain(DRAIN_TIMEOUT_MS, true);
    } catch (error) {
      if (!this.#closing && this.#current === null) this.#lost(-1, error as Error);
    }
  }
}
