export type { OpenSocket, SocketOpener } from './listener.js';
export type { NodeRuntimeOptions } from './options.js';
export { NodeRuntime, type NodeRuntimeStats } from './runtime.js';
