import { HttpServerError } from '../exchange/errors.js';
import { listenPlaces } from '../listen/listen-places.js';
import { StatsTable } from '../observe/stats-table.js';
import type { WorkerServerStats } from '../observe/worker-stats.js';
import { DRAIN_TIMEOUT_MS, drainTimeOf } from '../options.js';
import type { ListeningSocket, SocketName } from '../runtime/io-uring/index.js';
import { defaultConnections } from '../runtime/io-uring/runtime.js';
import type { CloseOptions } from '../server.js';
import { serverUrl } from '../server-url.js';
import { RestartPolicy } from './restart-policy.js';
import { BACKLOG, sharesOf } from './shares.js';
import {
  appUrl,
  checkStartOptions,
  limitsOf,
  type StartOptions,
  type WorkerName,
  workersOf,
} from './start-options.js';
import { stuckTime } from './watchdog.js';
import { WorkerSlot } from './worker-slot.js';
import { closeSockets, openSockets } from './worker-sockets.js';
import { WorkerThread } from './worker-thread.js';

const START_TIMEOUT_MS = 30_000;

/** A server that runs in worker threads. Made by {@link start}. */
export class WorkerServer {
  readonly #slots: readonly WorkerSlot[];
  readonly #sockets: readonly (readonly ListeningSocket[])[];
  readonly #options: StartOptions;
  readonly #table: StatsTable;
  readonly #drainTimeoutMs: number;
  readonly #onAbort = () => void this.close();
  #referenced = true;
  #reloading: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | null = null;
  #failure: HttpServerError | null = null;
  #resolve!: () => void;
  #reject!: (error: Error) => void;
  readonly #ended = new Promise<void>((resolve, reject) => {
    this.#resolve = resolve;
    this.#reject = reject;
  });

  private constructor(options: StartOptions, sockets: readonly (readonly ListeningSocket[])[]) {
    this.#options = options;
    this.#sockets = sockets;
    this.#drainTimeoutMs = options.drainTimeoutMs ?? DRAIN_TIMEOUT_MS;
    const shares = connectionShares(options, sockets.length);
    this.#table = StatsTable.of(shares);
    this.#slots = sockets.map((_, index) => this.#slot(index, shares[index]!));
  }

  /** Use {@link start}. @internal */
  static async start(options: StartOptions): Promise<WorkerServer> {
    checkStartOptions(options);
    const workers = workersOf(options.workers);
    appUrl(options.app);
    new RestartPolicy(options);
    options.signal?.throwIfAborted();
    connectionShares(options, workers);
    const sockets = openSockets(await listenPlaces(options), workers, options.backlog);
    const server = new WorkerServer(options, sockets);
    try {
      await Promise.all(server.#slots.map((slot) => slot.start()));
      options.signal?.throwIfAborted();
    } catch (error) {
      await server.close({ drainTimeoutMs: 0 });
      if (options.signal?.aborted) throw error;
      throw workerFailed(`Cannot start as a worker failed: ${(error as Error).message}`, error);
    }
    options.signal?.addEventListener('abort', server.#onAbort, { once: true });
    return server;
  }

  /** Where it listens, with the port the system chose: the first place, where systemd passed several. */
  address(): SocketName {
    return this.#sockets[0]![0]!.address;
  }

  /** Everywhere it listens. */
  addresses(): readonly SocketName[] {
    return this.#sockets[0]!.map(({ address }) => address);
  }

  /** `http://host:port/`, with a literal a browser on this machine can open; `unix:path` for a Unix socket. */
  get url(): string {
    return serverUrl(this.address());
  }

  /**
   * Requests, replies, connections, faults, limits and the counters of the rings, summed up over all workers, and each worker's part. From memory
   * shared with them: no worker is asked, so that a busy one has its numbers too. A worker asks `sharedStats`. Makes objects: some times a second,
   * not per request.
   */
  stats(): WorkerServerStats {
    for (const slot of this.#slots) slot.report();
    return this.#table.read();
  }

  /**
   * Replaces every worker by a fresh one, which loads the app's module anew, one after the other, and without losing a request: the
   * fresh one accepts from the same socket before the old one stops to, and the old one waits for its idle connections until their next
   * reply, which says `Connection: close`, or the end of their idle time. Resolves when the last old one is gone. A reload that is asked
   * for during another one begins after it.
   *
   * @param options how long old workers may take; by default the server's `drainTimeoutMs`
   * @throws HttpServerError `WORKER_FAILED`, by rejecting, when a fresh worker does not start: workers not yet replaced serve on as they are
   * @throws HttpServerError `SERVER_CLOSED`, by rejecting
   */
  reload(options: Pick<CloseOptions, 'drainTimeoutMs'> = {}): Promise<void> {
    let drainTimeoutMs: number;
    try {
      drainTimeoutMs = drainTimeOf('reload', options, this.#drainTimeoutMs);
    } catch (error) {
      return Promise.reject(error);
    }
    const reload = this.#reloading.then(() => this.#reload(drainTimeoutMs));
    this.#reloading = reload.catch(() => {});
    return reload;
  }

  /**
   * Stops accepting, lets requests in flight finish with `Connection: close`, closes idle connections at once, and what is left after
   * the drain timeout; a worker whose thread is stuck is terminated. When it resolves, all threads are gone and the port is free. Calling
   * it again returns the same Promise.
   */
  close(options: Pick<CloseOptions, 'drainTimeoutMs'> = {}): Promise<void> {
    try {
      const drainTimeoutMs = drainTimeOf('close', options, this.#drainTimeoutMs);
      this.#closing ??= this.#close(drainTimeoutMs);
      return this.#closing;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Resolves when the server is closed. Rejects with HttpServerError `WORKER_FAILED` when it closed by itself, as a worker ended that is not to be
   * started again. Whether anybody waits or not: that rejection is not silent.
   */
  wait(): Promise<void> {
    return this.#ended;
  }

  /** The server keeps the process alive (the default). */
  ref(): this {
    return this.#reference(true);
  }

  /** The server does not keep the process alive. */
  unref(): this {
    return this.#reference(false);
  }

  /** {@link close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #slot(index: number, maxConnections: number): WorkerSlot {
    const {
      startTimeoutMs = START_TIMEOUT_MS,
      stuckAfterMs,
      thread = {},
      backlog = BACKLOG,
    } = this.#options;
    const app = appUrl(this.#options.app);
    const limits = { ...limitsOf(this.#options), maxConnections };
    const places = this.#sockets[index]!.map(({ fd, adopted, address }) => ({
      fd,
      // What the kernel may have queued at once.
      backlog:
        adopted || address.family === 'Unix' || this.#sockets.length === 1
          ? backlog
          : Math.ceil(backlog / this.#sockets.length),
    }));
    const { memory: stats } = this.#table;
    const spawn = (row: number) => {
      const task = { app, places, limits, stats, worker: index, row };
      const made = new WorkerThread(task, thread, startTimeoutMs, stuckTime(stuckAfterMs));
      made.reference(this.#referenced);
      return made;
    };
    return new WorkerSlot(index, this.#table, spawn, new RestartPolicy(this.#options), {
      restarts: this.#options.onWorkerExit !== 'fail',
      stopped: () => {
        for (const slot of this.#slots) for (const each of slot.threads) each.acceptAgain();
      },
      crashed: (slot, threadId, error) => this.#crashed(slot, threadId, error),
      gaveUp: (slot, error) => this.#gaveUp(slot, error),
    });
  }

  #crashed({ index }: WorkerSlot, threadId: number, error: Error): void {
    const { onWorkerError } = this.#options;
    if (onWorkerError === undefined)
      console.error(`Worker ${index} (thread ${threadId}) ended:`, error);
    else tell(onWorkerError, error, { index, threadId });
  }

  #gaveUp({ index }: WorkerSlot, error: Error): void {
    this.#failure ??= workerFailed(
      this.#options.onWorkerExit === 'fail'
        ? `Worker ${index} ended, and onWorkerExit is 'fail': ${error.message}`
        : `Worker ${index} ended too often to be started again (restartLimit in restartWindowMs): ${error.message}`,
      error,
    );
    void this.close();
  }

  async #reload(drainTimeoutMs: number): Promise<void> {
    const drained: Promise<unknown>[] = [];
    try {
      for (const slot of this.#slots) {
        this.#demandOpen();
        drained.push((await slot.replace(drainTimeoutMs)).drained);
      }
    } catch (error) {
      await Promise.all(drained);
      this.#demandOpen();
      throw workerFailed(
        `Cannot reload as a fresh worker failed, ${drained.length} of ${this.#slots.length} were replaced: ${(error as Error).message}`,
        error,
      );
    }
    this.#table.reloaded();
    await Promise.all(drained);
  }

  #demandOpen(): void {
    if (this.#closing === null) return;
    throw new HttpServerError('SERVER_CLOSED', 'Cannot reload as the server is closed, or closing');
  }

  async #close(drainTimeoutMs: number): Promise<void> {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    const closing = this.#slots.map((slot) => slot.close(drainTimeoutMs));
    // A thread that is still to take up its sockets knows them by number only, which would be somebody else's once they are closed.
    await Promise.all(closing.map(({ taken }) => taken));
    closeSockets(this.#sockets);
    await Promise.all(closing.map(({ ended }) => ended));
    if (this.#failure === null) this.#resolve();
    else this.#reject(this.#failure);
  }

  #reference(wanted: boolean): this {
    this.#referenced = wanted;
    for (const slot of this.#slots) for (const thread of slot.threads) thread.reference(wanted);
    return this;
  }
}

/** What is not said for all is as many as one server has, less where "ulimit -n" leaves each ring less than its share. */
function connectionShares(options: StartOptions, workers: number): number[] {
  const { maxConnections } = options;
  const each = defaultConnections(options);
  return sharesOf('maxConnections', maxConnections ?? Math.max(workers, each), workers);
}

/** What a callback throws is the process's to hear of, as of any uncaught exception, and does not keep a worker from being started again. */
function tell(
  onWorkerError: NonNullable<StartOptions['onWorkerError']>,
  error: Error,
  worker: WorkerName,
): void {
  try {
    onWorkerError(error, worker);
  } catch (thrown) {
    queueMicrotask(() => {
      throw thrown;
    });
  }
}

function workerFailed(message: string, cause: unknown): HttpServerError {
  return new HttpServerError('WORKER_FAILED', message, 500, { cause });
}
