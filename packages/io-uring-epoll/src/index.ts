/**
 * EpollHandler: an epoll instance on a ring, that knows whose event it was.
 *
 * @module
 */
export type { EpollChange } from './changes.js';
export { EpollError, type EpollErrorCode } from './epoll-error.js';
export * from './epoll-events.js';
export * from './epoll-handler.js';
export type { EpollWaitKind } from './readiness-source.js';
export type { EpollRegistration } from './registration.js';
