import { workerData } from 'node:worker_threads';
import { StatsTable } from './stats-table.js';
import type { WorkerServerStats } from './worker-stats.js';

/** The part of what a worker of `start` is started with that is read here. */
export interface SharedStatsData {
  /** Memory of the {@link StatsTable} of its server. */
  readonly stats: SharedArrayBuffer;
}

let table: StatsTable | null = null;

/**
 * The counters of the whole server, asked in one of its workers: what `server.stats()` says in the main thread, from the same shared memory. Nobody
 * else is asked. Makes objects: some times a second, not per request.
 *
 * @throws Error in a thread that is no worker of `start`
 *
 * @example
 * ```ts
 * import { isMainThread } from 'node:worker_threads';
 * import { sharedStats, start } from '@ringbearer/http-server';
 *
 * export default { fetch: () => Response.json(sharedStats().workers.map(({ requests }) => requests)) };
 *
 * if (isMainThread) {
 *   const server = await start({ app: new URL(import.meta.url), workers: 2, hostname: '127.0.0.1', port: 0 });
 *   console.log(await (await fetch(server.url)).text()); // [1,0] or [0,1]: whoever took it counts it
 *   await server.close();
 * }
 * ```
 */
export function sharedStats(): WorkerServerStats {
  if (table === null) {
    const memory = (workerData as Partial<SharedStatsData> | null | undefined)?.stats;
    if (!(memory instanceof SharedArrayBuffer)) {
      throw new Error(
        'Cannot read the counters of all workers as this thread must be a worker of start(): elsewhere ask the server itself, server.stats()',
      );
    }
    table = new StatsTable(memory);
  }
  return table.read();
}
