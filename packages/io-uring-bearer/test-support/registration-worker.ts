import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

const PROGRAM = new URL('programs/registration-worker.mjs', import.meta.url);

/** A Worker in a role of registration-worker.mjs. */
export interface RoleWorker {
  readonly worker: Worker;
  /** Its next message; rejects when the Worker fails. */
  next(): Promise<unknown>;
  readonly ended: Promise<unknown>;
}

/** Starts one. */
export function startRole(role: string, data: Readonly<Record<string, unknown>> = {}): RoleWorker {
  const worker = new Worker(PROGRAM, { workerData: { role, ...data } });
  const messages: unknown[] = [];
  let wake: (() => void) | null = null;
  worker.on('message', (message) => {
    messages.push(message);
    wake?.();
  });
  const failed = once(worker, 'error').then(([error]) => Promise.reject(error));
  failed.catch(() => {});
  const next = async () => {
    while (messages.length === 0) {
      const arrived = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await Promise.race([arrived, failed]);
    }
    return messages.shift();
  };
  return { worker, next, ended: once(worker, 'exit') };
}
