export { type Diagnosis, diagnose, formatDiagnosis } from './diagnose.js';
export type { Finding, FindingStatus } from './findings.js';
export type { Machine, SetupAttempt } from './machine.js';
