import { availableParallelism } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ListenAddress } from '../listen/listen-address.js';
import {
  checkOptions,
  LIMIT_TYPES,
  LISTEN_TYPES,
  type OptionTypes,
  type ServerLimits,
  timeOption,
  zeroCopyOption,
} from '../options.js';
import { withinQuota } from './cpu-quota.js';
import type { RestartLimits } from './restart-policy.js';
import { checkThreadOptions, type ThreadOptions } from './thread-options.js';
import { stuckTime } from './watchdog.js';

/** Which worker something is about. */
export interface WorkerName {
  /** 0 for the first one. */
  readonly index: number;
  /** Node's number of its thread; -1 where none came to be. */
  readonly threadId: number;
}

/** Options of {@link start}. Limits go before what the module of the app says. */
export interface StartOptions extends ListenAddress, ServerLimits, RestartLimits {
  /**
   * The module that builds the app, loaded in each worker: a URL (`new URL('./app.js', import.meta.url)`), or a path from the working
   * directory. Its default export is a fetch handler, or an object with `fetch` or `raw`, to which options that do not say where to listen
   * may be added. An exported function `close` is called when the worker's last connection is gone.
   */
  readonly app: URL | string;
  /**
   * Threads that serve. `'auto'` (default): as many as this process may use processors (`os.availableParallelism()`), and no more than the CPU quota
   * of its control group pays for, rounded down (`docker run --cpus`, limits of Kubernetes, `CPUQuota=`); one at least.
   */
  readonly workers?: number | 'auto';
  /**
   * What happens when a worker ends unasked (uncaught exception, unhandled rejection, `process.exit()`, out of memory). `'restart'` (default):
   * it is started again, with a back-off, up to `restartLimit`. `'fail'`: the others drain, and `wait()` rejects.
   */
  readonly onWorkerExit?: 'restart' | 'fail';
  /** Told of every worker that ended unasked. Default: `console.error`. */
  readonly onWorkerError?: (error: Error, worker: WorkerName) => void;
  /** How long a worker may take until it accepts connections, in milliseconds. Default 30 000. */
  readonly startTimeoutMs?: number;
  /**
   * A worker whose event loop stands still for this long, in milliseconds, is terminated, and that is an unasked end: `onWorkerExit` says what follows.
   * From 100 on; above the longest computation of a handler, and not with a debugger. It is noticed up to a quarter late. Default Infinity: never.
   */
  readonly stuckAfterMs?: number;
  /** Environment, options and memory of the threads. */
  readonly thread?: ThreadOptions;
  /** Closes the server gracefully when aborted. */
  readonly signal?: AbortSignal;
}

const TYPES: OptionTypes<StartOptions> = {
  ...LISTEN_TYPES,
  ...LIMIT_TYPES,
  app: null,
  workers: null,
  onWorkerExit: null,
  onWorkerError: 'function',
  restartLimit: 'number',
  restartWindowMs: 'number',
  startTimeoutMs: 'number',
  stuckAfterMs: 'number',
  thread: 'object',
  signal: 'object',
};
/** More threads than any machine has use for: a number above it is a mistake. */
const WORKERS_MAX = 1024;

/** @throws TypeError, RangeError for options that cannot be */
export function checkStartOptions(options: StartOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(
      `Cannot start as options must be an object with app, the module of the app: current value is ${typeof options === 'function' ? 'a function, which cannot cross threads' : String(options)}`,
    );
  }
  for (const name of ['fetch', 'raw', 'onError', 'layers'] as const) {
    if (!Object.hasOwn(options, name)) continue;
    throw new TypeError(
      `Cannot start with ${name} as functions cannot cross threads: put it into a module, "export default { ${name} }", and give app: new URL('./app.js', import.meta.url); serve() takes it as it is, in one thread`,
    );
  }
  checkOptions(options, TYPES);
  checkThreadOptions(options.thread);
  const { onWorkerExit = 'restart' } = options;
  if (onWorkerExit !== 'restart' && onWorkerExit !== 'fail') {
    throw new TypeError(
      `Cannot start as onWorkerExit must be 'restart' or 'fail': current value is ${String(onWorkerExit)}`,
    );
  }
  for (const name of ['drainTimeoutMs', 'writeTimeoutMs', 'lingerTimeoutMs'] as const)
    timeOption(name, options[name]);
  stuckTime(options.stuckAfterMs);
  zeroCopyOption(options.minZeroCopyBytes);
  const { startTimeoutMs = 1 } = options;
  if (!(startTimeoutMs >= 1 && startTimeoutMs < 2 ** 31)) {
    throw new RangeError(
      `Cannot start as startTimeoutMs must be from 1 to 2147483647 milliseconds: current value is ${startTimeoutMs}`,
    );
  }
}

/** How many threads. */
export function workersOf(workers: number | 'auto' = 'auto'): number {
  if (workers === 'auto') return Math.min(WORKERS_MAX, withinQuota(availableParallelism()));
  if (!Number.isInteger(workers) || workers < 1 || workers > WORKERS_MAX) {
    throw new RangeError(
      `Cannot start as workers must be 'auto' or an integer from 1 to ${WORKERS_MAX}: current value is ${String(workers)}`,
    );
  }
  return workers;
}

/** The URL of the app's module. */
export function appUrl(app: URL | string): string {
  if (app instanceof URL) return app.href;
  if (typeof app !== 'string' || app === '') {
    throw new TypeError(
      `Cannot start as app must be the URL or the path of a module: current value is ${typeof app === 'function' ? 'a function, which cannot cross threads' : String(app) || "''"}`,
    );
  }
  return /^(file|data|node):/.test(app) ? app : pathToFileURL(path.resolve(app)).href;
}

/** The limits that were given, for the threads. */
export function limitsOf(options: StartOptions): Partial<ServerLimits> {
  const given = Object.entries(options).filter(
    ([name, value]) => value !== undefined && Object.hasOwn(LIMIT_TYPES, name),
  );
  return Object.fromEntries(given);
}
