import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { isMainThread } from 'node:worker_threads';
import type { ListenOptions } from '../io-uring/index.js';

/**
 * Listens on a Unix path with the permissions asked for, in place of a file that nobody listens behind.
 *
 * @param listen makes the file before it returns its Promise
 */
export async function bindFile(
  { path = '', mode, replaceStale = false }: ListenOptions,
  listen: () => Promise<void>,
): Promise<void> {
  const permitted = () => (mode === undefined ? listen() : withMode(path, mode, listen));
  if (path.startsWith('\0')) return listen();
  try {
    await permitted();
  } catch (error) {
    const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    if (!taken || !replaceStale || !(await isStale(path))) throw error;
    unlinkSync(path);
    await permitted();
  }
}

/** By the umask, so that there is no moment in which the file has other permissions. A Worker has none of its own. */
function withMode(path: string, mode: number, listen: () => Promise<void>): Promise<void> {
  const before = isMainThread ? process.umask(0o777 & ~mode) : null;
  try {
    const listening = listen();
    if (before !== null) return listening;
    return listening.then(() => chmodSync(path, mode));
  } finally {
    if (before !== null) process.umask(before);
  }
}

/** A socket file that nobody listens behind is what a process left that had no time to remove it. */
function isStale(path: string): Promise<boolean> {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return Promise.resolve(false);
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}
