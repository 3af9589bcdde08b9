export type { IoUringRuntimeOptions } from './options.js';
export { IoUringRuntime, type RuntimeStats } from './runtime.js';
