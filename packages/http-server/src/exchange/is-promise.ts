/** Handlers may return anything, a boolean from `reply.write` or a timer; only a promise is waited for. */
export function isPromise<T>(value: unknown): value is Promise<T> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}
