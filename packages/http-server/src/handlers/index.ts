export * from './fetch/index.js';
export { type HandlerOptions, logServerErrors, type OnError } from './on-error.js';
export * from './raw.js';
