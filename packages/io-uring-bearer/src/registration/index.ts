export type { BusyPoll } from './busy-poll.js';
export { type EventfdOptions, openEventfd } from './eventfd.js';
export type { KernelQuery } from './kernel-query.js';
export type { Personality } from './personality.js';
export { Registration } from './registration.js';
export {
  RegistrationError,
  type RegistrationName,
  UnsupportedRegistrationError,
} from './registration-error.js';
export type { Restrictions } from './restrictions.js';
export { sendToRing } from './send-to-ring.js';
export type { CancelNowOptions, CancelTarget } from './sync-cancel.js';
export type { WaitClock } from './wait-clock.js';
export type { WorkerLimits } from './worker-limits.js';
