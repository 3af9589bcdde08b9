import { randomBytes } from 'node:crypto';
import type { TraceContext } from '../exchange/trace-context.js';

/**
 * The fields that carry a trace on: `traceparent`, and `tracestate` when there is one. None for null.
 *
 * @example
 * ```ts
 * import { serve, traceHeaders } from '@ringbearer/http-server';
 *
 * const inner = await serve({ port: 0, fetch: (_request, context) => new Response(context.trace?.traceId) });
 * const outer = await serve({
 *   port: 0,
 *   fetch: (_request, context) => fetch(inner.url, { headers: traceHeaders(context.trace) }),
 * });
 * const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
 * console.log(await (await fetch(outer.url, { headers: { traceparent } })).text());
 * await outer.close();
 * await inner.close();
 * ```
 */
export function traceHeaders(trace: TraceContext | null): Record<string, string> {
  if (trace === null) return {};
  const flags = (trace.flags & 0xff).toString(16).padStart(2, '0');
  const traceparent = `00-${trace.traceId}-${trace.parentId}-${flags}`;
  return trace.tracestate === '' ? { traceparent } : { traceparent, tracestate: trace.tracestate };
}

/**
 * The same trace with a new span as its parent, for a server that records spans of its own; a new trace, not sampled, for null. Flags this version of
 * the specification does not know are cleared.
 */
export function continueTrace(trace: TraceContext | null): TraceContext {
  return {
    traceId: trace?.traceId ?? hex(16),
    parentId: hex(8),
    sampled: trace?.sampled ?? false,
    flags: (trace?.flags ?? 0) & 3,
    tracestate: trace?.tracestate ?? '',
  };
}

/** Random digits, not all zero. */
function hex(bytes: number): string {
  const random = randomBytes(bytes);
  if (random.every((byte) => byte === 0)) random[0] = 1;
  return random.toString('hex');
}
