import type { Cqe, OpCode } from '@ringbearer/io-uring-opcode';

/**
 * An error thrown by a completion handler: the batch goes on, and the process hears of it as of any uncaught exception.
 */
export function reportError(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

/** An operation that fails to release what it acquired is reported, and told of its completion all the same. */
export function releaseReporting(operation: OpCode<unknown>, cqe: Cqe): void {
  try {
    operation.release(cqe);
  } catch (error) {
    reportError(error);
  }
}

/** Runs what must not keep its caller from going on. */
export function runReporting(hook: () => void): void {
  try {
    hook();
  } catch (error) {
    reportError(error);
  }
}
