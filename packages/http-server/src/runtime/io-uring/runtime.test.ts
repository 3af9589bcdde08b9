import { describe, expect, it } from 'vitest';
import { attackContract } from '../attack.contract.js';
import { bodyLeaseContract } from '../body-lease.contract.js';
import { leftContract } from '../left.contract.js';
import { listeningContract } from '../listening.contract.js';
import { sentContract } from '../sent.contract.js';
import { IoUringRuntime } from './runtime.js';

describe.each(['owner', 'embedded'] as const)('IoUringRuntime, %s driver', (driver) => {
  leftContract((options) => new IoUringRuntime({ ...options, driver }));
  listeningContract((options) => new IoUringRuntime({ ...options, driver }));
  sentContract((options) => new IoUringRuntime({ ...options, driver }));
  attackContract(
    (options) => new IoUringRuntime({ ...options, driver }),
    (runtime) => held(runtime as IoUringRuntime),
  );

  bodyLeaseContract(
    (options) => new IoUringRuntime({ ...options, driver }),
    (runtime) => (runtime as IoUringRuntime).equipment.gatheringsInUse,
  );

  it('has a ring', async () => {
    const app = { name: 'none', instantiate: () => expect.fail('nobody connects') };
    const runtime = new IoUringRuntime({ app, driver });
    expect([runtime.kind, runtime.capabilities().driver]).toEqual(['io-uring', driver]);
    await runtime.close(0);
  });
});

/** Direct descriptors, operations, buffers of both directions, and what came for nobody. */
function held(runtime: IoUringRuntime): unknown {
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
