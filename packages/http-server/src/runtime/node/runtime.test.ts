import { describe } from 'vitest';
import { runtimeContract } from '../runtime.contract.js';
import { NodeRuntime } from './runtime.js';

describe('NodeRuntime', () => {
  runtimeContract((options) => new NodeRuntime(options));
});
