import { describe, expect, it } from 'vitest';
import { leftContract } from '../left.contract.js';
import { listeningContract } from '../listening.contract.js';
import { IoUringRuntime } from './runtime.js';

describe.each(['owner', 'embedded'] as const)('IoUringRuntime, %s driver', (driver) => {
  leftContract((options) => new IoUringRuntime({ ...options, driver }));
  listeningContract((options) => new IoUringRuntime({ ...options, driver }));

  it('has a ring', async () => {
    const app = { name: 'none', instantiate: () => expect.fail('nobody connects') };
    const runtime = new IoUringRuntime({ app, driver });
    expect([runtime.kind, runtime.capabilities().driver]).toEqual(['io-uring', driver]);
    await runtime.close(0);
  });
});
