export type { AccessEntry } from './access-entry.js';
export { combinedLine, jsonLine } from './access-format.js';
export {
  ACCESS_LOG_LINES_MAX,
  type AccessLogOption,
  type AccessLogSettings,
  type LogStream,
} from './access-log.js';
export {
  type AcceptPaused,
  type ClientDisconnect,
  type ConnectionClosed,
  type ConnectionOpened,
  httpChannels,
  type LimitReached,
  type RequestFinished,
  type RequestStarted,
  type TypedChannel,
} from './channels.js';
export { ClientError } from './client-error.js';
export { type MetricsOptions, metricsHandler } from './metrics-handler.js';
export { continueTrace, traceHeaders } from './outgoing-trace.js';
export {
  type MetricsFormat,
  type MetricsTextOptions,
  prometheusText,
} from './prometheus.js';
export { type ObservationOptions, ServerObserver } from './server-observer.js';
export { sharedStats } from './shared-stats.js';
export { type ServerStats, statsOf } from './stats.js';
export type { WorkerServerStats, WorkerState, WorkerStats } from './worker-stats.js';
