export { ChunkedDecoder, type ChunkLimits, type ChunkSink } from './chunked-decoder.js';
export { type Http1Options, http1 } from './http1.js';
export type { Handle } from './http1-context.js';
export { HTTP1_LIMITS, type Http1Limits, type ResolvedHttp1Limits } from './limits.js';
export { refusal } from './refusal.js';
export { isBodyless, REASON_PHRASES, reasonPhrase } from './status.js';
