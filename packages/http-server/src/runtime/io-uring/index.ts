export {
  type Capabilities,
  diagnose,
  formatDiagnosis,
  type SocketName,
} from '@ringbearer/io-uring-bearer';
export type { IoUringRuntimeOptions } from './options.js';
export { IoUringRuntime, type RuntimeStats } from './runtime.js';
