import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
} from 'node:worker_threads';
import { warnFallback } from '../runtime/warn-fallback.js';
import { TIMER_MS_MAX } from '../sans-io/timer-limit.js';
import {
  revivedError,
  type ThreadMessage,
  type WorkerMessage,
  type WorkerTask,
} from './messages.js';
import type { ThreadOptions } from './thread-options.js';
import { Watchdog } from './watchdog.js';

/** How a thread ended: with an exit code, and the error nobody caught. */
export interface ThreadEnd {
  readonly code: number;
  readonly error: Error | null;
}

/** Past its drain timeout a thread that is still there is stuck in JavaScript, which only termination ends. */
const STUCK_MS = 1000;
/** Loading the modules of an app takes less on a machine that is not overloaded. */
const LOAD_MS = 5000;
/** What an app may keep open after `drained`: timers, connections to databases. */
const EXIT_MS = 1000;
/** Exit code of Node.js: the event loop is empty, and a top-level await has not settled. */
const UNSETTLED = 13;

const ENTRY = new URL('./worker-main.js', import.meta.url);

/** One worker thread, from its start to its end. */
export class WorkerThread {
  /** Which row of its worker its counters are in. */
  readonly row: number;
  /** Resolves when it accepts connections, rejects when it ended or failed before. */
  readonly started: Promise<void>;
  /** Resolves when it accepts no more, or is gone. */
  readonly stopped: Promise<void>;
  /** Resolves when it is gone. Never rejects. */
  readonly ended: Promise<ThreadEnd>;
  /** Node's number of the thread. */
  readonly threadId: number;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  #state: 'starting' | 'serving' | 'draining' | 'ended' = 'starting';
  #served = false;
  #accepts = true;
  #error: Error | null = null;
  #listening!: () => void;
  #failed!: (error: Error) => void;
  #stopped!: () => void;
  #terminator: NodeJS.Timeout | undefined;
  readonly #stuckAfterMs: number;
  #watchdog: Watchdog | null = null;

  /**
   * @param startTimeoutMs how long it may take until it accepts connections
   * @param stuckAfterMs how long its event loop may stand still while it serves
   */
  constructor(
    task: Omit<WorkerTask, 'port'>,
    options: ThreadOptions,
    startTimeoutMs: number,
    stuckAfterMs: number,
  ) {
    this.#stuckAfterMs = stuckAfterMs;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.row = task.row;
    this.started = new Promise((resolve, reject) => {
      this.#listening = resolve;
      this.#failed = reject;
    });
    this.stopped = new Promise((resolve) => {
      this.#stopped = resolve;
    });
    this.started.catch(() => {}); // whoever started it looks; the end is reported in any case
    const { env, execArgv, argv, resourceLimits } = options;
    const workerData: WorkerTask = { ...task, port: port2 };
    this.#worker = new Worker(ENTRY, {
      workerData,
      transferList: [port2],
      name: 'ringbearer',
      ...(env === undefined ? {} : { env: env as NodeJS.Dict<string> }),
      execArgv: execArgv === undefined ? inheritedArgv() : [...execArgv],
      ...(argv === undefined ? {} : { argv: [...argv] }),
      ...(resourceLimits === undefined ? {} : { resourceLimits }),
    });
    this.threadId = this.#worker.threadId;
    const late = setTimeout(() => {
      this.#fail(
        new Error(
          `it did not accept connections within ${startTimeoutMs} ms: see what its module waits for, or raise startTimeoutMs`,
        ),
      );
      this.terminate();
    }, startTimeoutMs);
    port1.on('message', (message: WorkerMessage) => this.#onMessage(message));
    // The worker keeps the process, its messages do not.
    port1.unref();
    this.#worker.on('error', (error: unknown) => {
      this.#error ??= error instanceof Error ? error : new Error(String(error));
    });
    this.#worker.on('messageerror', (error) => {
      this.#error ??= error;
    });
    const settle = () => clearTimeout(late);
    this.started.then(settle, settle);
    this.ended = new Promise((resolve) => {
      this.#worker.once('exit', (code) => resolve(this.#onExit(code)));
    });
  }

  /** What it is doing. */
  get state(): 'starting' | 'serving' | 'draining' | 'ended' {
    return this.#state;
  }

  /** It accepts no more, and finishes what it has. */
  get drains(): boolean {
    return this.#state === 'draining' && !this.#accepts;
  }

  /** It did accept connections. */
  get wasServing(): boolean {
    return this.#served;
  }

  /**
   * Lets it finish what it has, and ends it.
   *
   * @param gently a successor serves already: idle connections are waited for. A later call that is not gentle ends them.
   */
  drain(drainTimeoutMs: number, gently: boolean): Promise<ThreadEnd> {
    if (this.#state === 'ended') return this.ended;
    if (this.#state === 'starting') {
      // A thread that is terminated while it loads modules leaves their files open, so it gets some time for that, beside its drain timeout. One that
      // fails to start ends by itself.
      this.#terminateIn(drainTimeoutMs + LOAD_MS, () =>
        this.#fail(
          new Error('it was terminated as the server closed while its module was loading'),
        ),
      );
      this.started.then(
        () => this.drain(drainTimeoutMs, gently),
        () => {},
      );
      return this.ended;
    }
    this.#state = 'draining';
    this.#watchdog?.stop();
    this.#post({ type: 'drain', drainTimeoutMs, gently });
    this.#terminateIn(drainTimeoutMs + STUCK_MS, () => {
      this.#error ??= new Error(
        'it was terminated as it did not end by its drain timeout: its thread was busy all the time',
      );
    });
    return this.ended;
  }

  /** Another thread stopped accepting from a socket of its: a connection may wait there that nobody is told of. */
  acceptAgain(): void {
    if (this.#state === 'serving') this.#post({ type: 'accept' });
  }

  /** Ends it wherever it is. */
  terminate(): void {
    if (this.#state === 'serving') this.#state = 'draining';
    void this.#worker.terminate();
  }

  /** It keeps the process alive, or does not. */
  reference(wanted: boolean): void {
    if (wanted) this.#worker.ref();
    else this.#worker.unref();
  }

  #post(message: ThreadMessage): void {
    this.#port.postMessage(message);
  }

  #onMessage(message: WorkerMessage): void {
    if (message.type === 'failed') {
      this.#fail(revivedError(message.error));
      // Whatever the app's module opened before it failed is not waited for.
      this.terminate();
    } else if (message.type === 'turns') this.#watchdog?.answered();
    else if (message.type === 'drained') this.#terminateIn(EXIT_MS);
    else if (message.type === 'stopped') {
      this.#accepts = false;
      this.#stopped();
    } else if (this.#state === 'starting') {
      if (message.warning !== null) warnFallback(message.warning);
      this.#state = 'serving';
      this.#served = true;
      this.#watch();
      this.#listening();
    }
  }

  #watch(): void {
    const stuckAfterMs = this.#stuckAfterMs;
    if (stuckAfterMs === Number.POSITIVE_INFINITY) return;
    this.#watchdog = new Watchdog(
      stuckAfterMs,
      () => this.#post({ type: 'ask' }),
      () => {
        this.#error ??= new Error(
          `it was terminated as its event loop stood still for ${stuckAfterMs} ms (stuckAfterMs): its thread was busy all the time`,
        );
        this.terminate();
      },
    );
  }

  #fail(error: Error): void {
    this.#error ??= error;
    this.#failed(this.#error);
  }

  #onExit(code: number): ThreadEnd {
    // Its last words may not have been delivered yet.
    for (let last = receiveMessageOnPort(this.#port); last; last = receiveMessageOnPort(this.#port))
      this.#onMessage(last.message as WorkerMessage);
    clearTimeout(this.#terminator);
    this.#watchdog?.stop();
    this.#port.close();
    this.#state = 'ended';
    this.#stopped();
    this.#failed(this.#error ?? new Error(unstarted(code)));
    return { code, error: this.#error };
  }

  #terminateIn(milliseconds: number, before = () => {}): void {
    clearTimeout(this.#terminator);
    const run = () => {
      before();
      this.terminate();
    };
    this.#terminator = setTimeout(run, Math.min(milliseconds, TIMER_MS_MAX));
    this.#terminator.unref();
  }
}

/** Why a thread ended without an error, and without having served. */
function unstarted(code: number): string {
  const ended = `it ended with code ${code} before it accepted connections`;
  return code === UNSETTLED
    ? `${ended}: its module awaits, at its top level, what never happens`
    : `${ended}: process.exit() in a worker ends the worker`;
}

/** This process's own, without what says where its program is: `--eval` and the like. */
function inheritedArgv(): string[] {
  const inherited: string[] = [];
  for (let index = 0; index < process.execArgv.length; index++) {
    const option = process.execArgv[index]!;
    if (/^(-e|-p|-pe|--eval|--print)$/.test(option)) index++;
    else if (!/^--(input-type|eval|print)(=|$)/.test(option)) inherited.push(option);
  }
  return inherited;
}
