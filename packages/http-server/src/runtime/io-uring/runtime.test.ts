import { describe, expect, it } from 'vitest';
import { heldBy } from '../../../test-support/held-by.js';
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
    (runtime) => heldBy(runtime as IoUringRuntime),
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
