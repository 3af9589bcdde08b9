import type { IoUringRuntime } from '../src/runtime/io-uring/runtime.js';

/** Direct descriptors, operations, buffers of both directions, and what came for nobody: what a runtime holds that could leak. */
export function heldBy(runtime: IoUringRuntime): unknown {
  const { capacity, stale, dropped } = runtime.stats().ring;
  const { outstanding } = runtime.receive;
  const { transmit } = runtime;
  const slots = [transmit.take()];
  while (slots.at(-1)!.pooled) slots.push(transmit.take());
  for (const slot of slots) transmit.give(slot);
  return {
    files: capacity.RegisteredFd.used,
    // An accept; the coarse timer, while it still looks.
    operations: Math.max(capacity.PendingCompletions.used, 2),
    buffers: capacity.Buffers.used,
    outstanding,
    slots: slots.length,
    borrowed: transmit.borrowed,
    stale,
    dropped,
  };
}
