// What a worker thread runs: builds the app, serves on the sockets of the main thread, and drains when told to.

import { workerData } from 'node:worker_threads';
import { launch } from '../launch.js';
import { StatsTable } from '../observe/stats-table.js';
import type { ServerRuntime } from '../runtime/choose-runtime.js';
import { fallbackMessage } from '../runtime/warn-fallback.js';
import { Server } from '../server.js';
import { type AppModule, appOf, loadApp } from './app-module.js';
import {
  type DrainMessage,
  plainError,
  type ThreadMessage,
  type WorkerMessage,
  type WorkerTask,
} from './messages.js';

const { app, places, limits, stats, worker, row, port } = workerData as WorkerTask;
const say = (message: WorkerMessage): void => port.postMessage(message);

try {
  const module = await loadApp(app);
  const options = { ...appOf(module, app), ...limits };
  const counters = new StatsTable(stats).row(worker, row);
  const { runtime, addresses, observer, late, fallback } = await launch(options, places, counters);
  // What came since the last tick is counted however it ends, unless it has no time to: a full heap, a termination.
  process.on('exit', () => counters.board.publish(runtime.stats()));
  const server = new Server(runtime, addresses, options, observer, late);
  // The server keeps the thread alive; a port that did so too would keep it when all is done.
  port.on('message', (message: ThreadMessage) => {
    if (message.type === 'accept') runtime.acceptAgain();
    else if (message.type === 'ask') say({ type: 'turns' });
    else void drain(runtime, server, module, message);
  });
  port.unref();
  say({ type: 'listening', warning: fallback === null ? null : fallbackMessage(fallback) });
} catch (error) {
  say({ type: 'failed', error: plainError(error) });
  port.close();
}

async function drain(
  runtime: ServerRuntime,
  server: Server,
  module: AppModule,
  { drainTimeoutMs, gently }: DrainMessage,
): Promise<void> {
  try {
    await runtime.stopAccepting();
    say({ type: 'stopped' });
    await server.close({ drainTimeoutMs, gently });
    if (typeof module.close === 'function') await module.close();
  } finally {
    say({ type: 'drained' });
    port.close();
  }
}
