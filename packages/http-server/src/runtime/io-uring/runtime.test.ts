import { describe } from 'vitest';
import { runtimeContract } from '../runtime.contract.js';
import { IoUringRuntime } from './runtime.js';

describe.each(['owner', 'embedded'] as const)('IoUringRuntime, %s driver', (driver) => {
  runtimeContract((options) => new IoUringRuntime({ ...options, driver }));
});
