import type { FetchHandler } from '../handlers/index.js';
import { type MetricsFormat, prometheusText } from './prometheus.js';
import { sharedStats } from './shared-stats.js';
import type { ServerStats } from './stats.js';

const CONTENT_TYPES: Readonly<Record<MetricsFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** Options of {@link metricsHandler}. */
export interface MetricsOptions {
  /** Where the metrics are; other paths go to {@link MetricsOptions.next}. Default: every path. */
  readonly path?: string;
  /** Answers the other paths. Default: 404. */
  readonly next?: FetchHandler;
  /** Each worker's part with the label `worker="0"` in place of the sum. Default false. */
  readonly perWorker?: boolean;
}

/**
 * A fetch handler that answers with the metrics of a server, for Prometheus to scrape: OpenMetrics where `Accept` asks for it. What it says of a server is
 * nobody's business but the operator's: serve it on a port of its own.
 *
 * @param stats of the server; called for each scrape. Default: `sharedStats`, so that a worker of `start`, whichever is asked, answers for all of them
 * @example
 * ```ts
 * import { metricsHandler, serve } from '@ringbearer/http-server';
 *
 * const server = await serve({ port: 0, fetch: () => new Response('Hello') });
 * const metrics = await serve({
 *   port: 0,
 *   hostname: '127.0.0.1',
 *   fetch: metricsHandler(() => server.stats(), { path: '/metrics' }),
 * });
 * console.log(await (await fetch(`${metrics.url}metrics`)).text());
 * await metrics.close();
 * await server.close();
 * ```
 */
export function metricsHandler(
  stats: () => ServerStats | Promise<ServerStats> = sharedStats,
  options: MetricsOptions = {},
): FetchHandler {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(
      `Cannot make a handler as options must be an object: current value is ${String(options)}`,
    );
  }
  const { path, next, perWorker = false } = options;
  if (typeof stats !== 'function') {
    throw new TypeError(
      `Cannot make a handler as stats must be a function: current value is ${String(stats)}`,
    );
  }
  if (path !== undefined && !(typeof path === 'string' && path.startsWith('/'))) {
    throw new TypeError(
      `Cannot make a handler as path must begin with /: current value is ${path}`,
    );
  }
  if (typeof perWorker !== 'boolean') {
    throw new TypeError(
      `Cannot make a handler as perWorker must be a boolean: current value is ${String(perWorker)}`,
    );
  }
  return async (request, context) => {
    if (path !== undefined && new URL(request.url).pathname !== path) {
      return next === undefined
        ? new Response('Not Found\n', { status: 404 })
        : next(request, context);
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return new Response('Method Not Allowed\n', { status: 405, headers: { Allow: 'GET, HEAD' } });
    }
    const format = request.headers.get('accept')?.includes('application/openmetrics-text')
      ? 'openmetrics'
      : 'prometheus';
    const headers = { 'Content-Type': CONTENT_TYPES[format] };
    return new Response(prometheusText(await stats(), { format, perWorker }), { headers });
  };
}
