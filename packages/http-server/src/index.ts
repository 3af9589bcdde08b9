/**
 * An HTTP server whose every byte goes through typed io_uring opcodes.
 *
 * @module
 */
export * from './exchange/index.js';
export * from './handlers/index.js';
export type { ListenAddress, ServeOptions } from './options.js';
export * from './protocol/index.js';
export * from './runtime/io-uring/index.js';
export * from './runtime/memory/index.js';
export * from './sans-io/index.js';
export { type CloseOptions, Server, serve } from './server.js';
