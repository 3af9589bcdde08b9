export * from './blueprint.js';
export * from './clock.js';
export * from './held-bytes.js';
export * from './left.js';
export * from './orbit.js';
