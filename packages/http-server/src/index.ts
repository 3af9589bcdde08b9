/**
 * An HTTP server whose every byte goes through typed io_uring opcodes.
 *
 * @module
 */
export * from './exchange/index.js';
export * from './handlers/index.js';
export type { ListenAddress } from './listen/index.js';
export * from './observe/index.js';
export type { AppOptions, ServeOptions, ServerLimits } from './options.js';
export * from './protocol/index.js';
export { run } from './run.js';
export type { Overload } from './runtime/admission.js';
export type { RuntimeChoice, ServerRuntime } from './runtime/choose-runtime.js';
export * from './runtime/io-uring/index.js';
export * from './runtime/memory/index.js';
export * from './runtime/node/index.js';
export type { Listening, Runtime, RuntimeCounts } from './runtime/runtime.js';
export type { RuntimeOptions } from './runtime/runtime-options.js';
export { type BoardStats, type RingTotals, StatsBoard } from './runtime/stats-board.js';
export * from './sans-io/index.js';
export { type CloseOptions, Server, serve } from './server.js';
export * from './workers/index.js';
