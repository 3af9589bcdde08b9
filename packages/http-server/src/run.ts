import { constants } from 'node:os';
import type { ServeOptions } from './options.js';
import { type CloseOptions, type Server, serve } from './server.js';
import { start } from './workers/start.js';
import type { StartOptions } from './workers/start-options.js';
import type { WorkerServer } from './workers/worker-server.js';

/** A signal this soon after the first is the same Ctrl-C: the terminal sends it, and npm passes its own on. */
const SAME_SIGNAL_MS = 300;

/** What both kinds of servers have. */
interface Closable {
  close(options?: Pick<CloseOptions, 'drainTimeoutMs'>): Promise<void>;
  wait(): Promise<void>;
}

/**
 * {@link start}, or {@link serve} where the options have a handler, for a process that is the server: SIGTERM and SIGINT close it, and a second
 * one ends the process at once (exit code 128 and the signal's number); with workers, SIGHUP reloads. A server that closes by itself as
 * its workers fail makes the exit code 1.
 *
 * @throws as the one or the other
 *
 * @example
 * ```ts
 * import { run } from '@ringbearer/http-server';
 *
 * const server = await run({ port: 3000, fetch: () => new Response('Hello') });
 * console.log(server.url);
 * await server.wait();
 * ```
 */
export function run(options: StartOptions): Promise<WorkerServer>;
export function run(options: ServeOptions): Promise<Server>;
export async function run(options: StartOptions | ServeOptions): Promise<WorkerServer | Server> {
  if (!Object.hasOwn(Object(options), 'app')) {
    const server = await serve(options as ServeOptions);
    handleSignals(server, () => {});
    return server;
  }
  const server = await start(options as StartOptions);
  const reload = (): void => {
    server.reload().catch((error: unknown) => console.error(error));
  };
  process.on('SIGHUP', reload);
  handleSignals(server, () => process.off('SIGHUP', reload));
  return server;
}

function handleSignals(server: Closable, ended: () => void): void {
  let first: number | null = null;
  const onSignal = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    if (first === null) {
      first = now;
      void server.close();
    } else if (now - first > SAME_SIGNAL_MS) process.exit(128 + constants.signals[signal]);
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  const stop = (): void => {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
    ended();
  };
  server.wait().then(stop, (error: unknown) => {
    stop();
    console.error(error);
    process.exitCode = 1;
  });
}
