import type { MessagePort } from 'node:worker_threads';
import type { SharedStatsData } from '../observe/shared-stats.js';
import type { ServeOptions } from '../options.js';
import type { ListenOptions } from '../runtime/io-uring/index.js';

/** What a worker thread is started with: everything it cannot ask for. */
export interface WorkerTask extends SharedStatsData {
  /** URL of the module that builds the app. */
  readonly app: string;
  /** Sockets of the main thread, by descriptor. */
  readonly places: readonly ListenOptions[];
  /** What `start` was told, with this worker's share of what is a total; it goes before what the module says. */
  readonly limits: Partial<ServeOptions>;
  /** Which of the workers it is, from 0. */
  readonly worker: number;
  /** Which row of that worker in the {@link StatsTable} is this thread's. */
  readonly row: number;
  /** How it hears of the main thread, apart from the app's own `parentPort`. */
  readonly port: MessagePort;
}

/**
 * From the main thread: finish; or another thread stopped accepting from a socket of yours, and a connection may wait there; or is anybody there?
 */
export type ThreadMessage = DrainMessage | { readonly type: 'accept' } | { readonly type: 'ask' };

/** Finish what there is, and end. */
export interface DrainMessage {
  readonly type: 'drain';
  readonly drainTimeoutMs: number;
  /** A successor serves already: idle connections are waited for. */
  readonly gently: boolean;
}

/** From a worker: it accepts; it cannot start; its event loop turns; it accepts no more; it has no connection any more. */
export type WorkerMessage =
  | {
      readonly type: 'listening';
      /** Why it is not io_uring that serves: told once for all workers. */
      readonly warning: string | null;
    }
  | { readonly type: 'failed'; readonly error: PlainError }
  | { readonly type: 'turns' }
  | { readonly type: 'stopped' }
  | { readonly type: 'drained' };

/** An error as it crosses threads: the structured clone would leave out what makes it useful. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: string | undefined;
  readonly syscall: string | undefined;
}

/** Whatever was thrown, for the journey. */
export function plainError(thrown: unknown): PlainError {
  if (!(thrown instanceof Error)) {
    const message = String(thrown);
    return { name: 'Error', message, stack: undefined, code: undefined, syscall: undefined };
  }
  const { name, message, stack, code, syscall } = thrown as NodeJS.ErrnoException;
  return {
    name: String(name),
    message: String(message),
    stack,
    code: typeof code === 'string' ? code : undefined,
    syscall,
  };
}

/** An Error again, of its name and with its code. */
export function revivedError({ name, message, stack, code, syscall }: PlainError): Error {
  const error: NodeJS.ErrnoException = new Error(message);
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  if (code !== undefined) error.code = code;
  if (syscall !== undefined) error.syscall = syscall;
  return error;
}
