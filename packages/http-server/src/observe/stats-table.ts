import { sumStats } from './stats.js';
import { StatsRow } from './stats-row.js';
import type { WorkerServerStats, WorkerState, WorkerStats } from './worker-stats.js';

/** Threads one worker may have at a time: the one that serves, one that starts, and those that drain. */
export const THREADS_MAX = 8;

const STATES: readonly WorkerState[] = ['serving', 'restarting', 'ended'];
const WORKERS = 0;
const RELOADS = 1;
const HEAD = 2;
/** Words of a worker before the rows, which only the main thread writes. */
const THREAD_ID = 0;
const STATE = 1;
const DRAINING = 2;
const RESTARTS = 3;
const MAX_CONNECTIONS = 4;
const ROWS = 5;
const WORKER = 6;

/** What the main thread knows of a worker. */
export type WorkerStatus = Pick<WorkerStats, 'threadId' | 'state' | 'draining' | 'restarts'>;

/**
 * The counters of all workers of a server in one piece of shared memory, so that each of them can tell of all: a row for each thread, which only
 * that thread writes, and a few words of the main thread. A row whose thread ended goes to the next thread of that worker, which goes on counting
 * in it: nothing that was counted is lost, whatever the thread died of, and no sum is ever made that a reader could see half of.
 */
export class StatsTable {
  /** What another thread needs, to read it. */
  readonly memory: SharedArrayBuffer;
  readonly #head: Float64Array;
  readonly #rows: StatsRow[][] = [];

  /** An empty one. @param shares of `maxConnections`, one for each worker */
  static of(shares: readonly number[]): StatsTable {
    const bytes = startOf(shares.length) + shares.length * THREADS_MAX * StatsRow.BYTES;
    const memory = new SharedArrayBuffer(bytes);
    const head = new Float64Array(memory);
    head[WORKERS] = shares.length;
    for (const [worker, share] of shares.entries()) {
      const start = HEAD + worker * WORKER;
      head[start + THREAD_ID] = -1;
      head[start + STATE] = STATES.indexOf('restarting');
      head[start + MAX_CONNECTIONS] = share;
    }
    return new StatsTable(memory);
  }

  /** One that another thread made. */
  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#head = new Float64Array(memory, 0, HEAD + new Float64Array(memory)[WORKERS]! * WORKER);
    for (let worker = 0; worker < this.#head[WORKERS]!; worker++) this.#rows.push([]);
  }

  /** A row of a worker, from 0 to {@link THREADS_MAX}. From now on it is part of the sums. */
  row(worker: number, index: number): StatsRow {
    const rows = HEAD + worker * WORKER + ROWS;
    if (this.#head[rows]! <= index) this.#head[rows] = index + 1;
    return this.#row(worker, index);
  }

  /** The main thread says how a worker is. */
  report(worker: number, { threadId, state, draining, restarts }: WorkerStatus): void {
    const start = HEAD + worker * WORKER;
    this.#head[start + THREAD_ID] = threadId ?? -1;
    this.#head[start + STATE] = STATES.indexOf(state);
    this.#head[start + DRAINING] = draining;
    this.#head[start + RESTARTS] = restarts;
  }

  /** A reload succeeded. */
  reloaded(): void {
    this.#head[RELOADS]!++;
  }

  /** The counters now, in any thread. */
  read(): WorkerServerStats {
    const workers = this.#rows.map((_, worker) => this.#worker(worker));
    return {
      ...sumStats(
        workers.map(({ index, threadId, state, draining, restarts, ...counts }) => counts),
      ),
      restarts: workers.reduce((sum, { restarts }) => sum + restarts, 0),
      reloads: this.#head[RELOADS]!,
      workers,
    };
  }

  #worker(index: number): WorkerStats {
    const start = HEAD + index * WORKER;
    const head = this.#head;
    const threadId = head[start + THREAD_ID]!;
    const rows = Array.from({ length: head[start + ROWS]! }, (_, row) =>
      this.#row(index, row).read(),
    );
    return {
      ...sumStats(rows),
      maxConnections: head[start + MAX_CONNECTIONS]!,
      index,
      threadId: threadId < 0 ? null : threadId,
      state: STATES[head[start + STATE]!]!,
      draining: head[start + DRAINING]!,
      restarts: head[start + RESTARTS]!,
    };
  }

  #row(worker: number, index: number): StatsRow {
    const rows = this.#rows[worker]!;
    rows[index] ??= new StatsRow(
      this.memory,
      startOf(this.#rows.length) + (worker * THREADS_MAX + index) * StatsRow.BYTES,
    );
    return rows[index];
  }
}

/** Where the rows begin. */
function startOf(workers: number): number {
  return Math.ceil(((HEAD + workers * WORKER) * 8) / 128) * 128;
}
