import type { StartOptions } from './start-options.js';
import { WorkerServer } from './worker-server.js';

/**
 * Starts an HTTP server in worker threads: one io_uring and one listening socket for each, nothing shared. Accepts connections once the
 * Promise resolves.
 *
 * @throws TypeError, RangeError for an option that does not exist or cannot be
 * @throws the system's error with code (`EADDRINUSE`, `EACCES`), errno and syscall
 * @throws HttpServerError `WORKER_FAILED` when a worker does not start; `cause` is its error
 *
 * @example
 * ```ts
 * import { isMainThread } from 'node:worker_threads';
 * import { start } from '@ringbearer/http-server';
 *
 * // The module that builds the app: this one. Each worker loads it.
 * export default { fetch: () => new Response('Hello') };
 *
 * if (isMainThread) {
 *   const server = await start({ app: new URL(import.meta.url), workers: 2, hostname: '127.0.0.1', port: 0 });
 *   console.log(await (await fetch(server.url)).text());
 *   await server.reload(); // fresh workers, no request lost
 *   console.log(server.stats().workers.map(({ state }) => state)); // [ 'serving', 'serving' ]
 *   await server.close();
 * }
 * ```
 */
export function start(options: StartOptions): Promise<WorkerServer> {
  return WorkerServer.start(options);
}
