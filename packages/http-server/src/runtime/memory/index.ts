export * from './memory-clock.js';
export * from './memory-connection.js';
export * from './memory-left.js';
export * from './memory-runtime.js';
export * from './random.js';
