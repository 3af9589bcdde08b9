/**
 * An error thrown by a completion handler: the batch goes on, and the process hears of it as of any uncaught exception.
 */
export function reportError(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
