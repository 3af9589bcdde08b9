export {
  type Capabilities,
  diagnose,
  duplicateDescriptor,
  formatDiagnosis,
  ListeningSocket,
  type ListenOptions,
  type RingFactory,
  type SocketName,
} from '@ringbearer/io-uring-bearer';
export type { RuntimeObserver } from '../runtime-observer.js';
export { kernelParts } from './gathered.js';
export type { IoUringRuntimeOptions } from './options.js';
export { IoUringRuntime, type RuntimeStats } from './runtime.js';
export type { ZeroCopyTrials } from './zero-copy.js';
