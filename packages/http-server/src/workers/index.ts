export type { AppExport } from './app-module.js';
export type { RestartLimits } from './restart-policy.js';
export { start } from './start.js';
export type { StartOptions, WorkerName } from './start-options.js';
export type { ThreadOptions } from './thread-options.js';
export { WorkerServer } from './worker-server.js';
