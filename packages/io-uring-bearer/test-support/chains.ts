import type { OpCodeError } from '@ringbearer/io-uring-opcode';
import { ChainCanceledError, type ChainOutcome, type UringBearer } from '../src/index.js';

/** Drives a manual bearer until the promise is settled. */
export async function driven<T>(bearer: UringBearer, promise: Promise<T>): Promise<T> {
  if (bearer.driver !== 'manual') return promise;
  let done = false;
  const settle = promise.finally(() => {
    done = true;
  });
  settle.catch(() => {});
  while (!done) {
    bearer.submitAndWait(1, 2);
    bearer.handleCompletions();
    await new Promise(setImmediate);
  }
  return settle;
}

/** An outcome in short: its value, or why there is none. */
export function brief(outcome: ChainOutcome<unknown>): unknown {
  if (outcome.status === 'fulfilled') return outcome.value;
  const { reason } = outcome;
  if (reason instanceof ChainCanceledError) return `${reason.because} ${reason.failedIndex}`;
  return (reason as OpCodeError).code;
}
