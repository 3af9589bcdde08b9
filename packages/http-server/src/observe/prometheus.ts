import type { ServerStats } from './stats.js';
import type { WorkerServerStats, WorkerStats } from './worker-stats.js';

/** `prometheus` is the text format 0.0.4, `openmetrics` OpenMetrics 1.0. */
export type MetricsFormat = 'prometheus' | 'openmetrics';

/** How metrics are written. */
export interface MetricsTextOptions {
  /** Default `'prometheus'`. */
  readonly format?: MetricsFormat;
  /**
   * Of a server with workers: each worker's part as a sample of its own, with the label `worker="0"`, in place of the sum, which is for
   * Prometheus to make then. Default false.
   */
  readonly perWorker?: boolean;
}

type Type = 'counter' | 'gauge';
type Labels = readonly (readonly [name: string, value: string])[];
type Sample = readonly [value: number, labels?: Labels];
type Family = readonly [name: string, type: Type, help: string, samples: readonly Sample[]];

/**
 * The counters of a server in the text formats of Prometheus. Every family has its HELP and TYPE, also when it has no sample yet.
 *
 * @param options the format, or everything by name
 * @throws TypeError for a format there is not
 * @example
 * ```ts
 * import { prometheusText, serve } from '@ringbearer/http-server';
 *
 * const server = await serve({ port: 0, fetch: () => new Response('Hello') });
 * await (await fetch(server.url)).text();
 * console.log(prometheusText(server.stats()));
 * await server.close();
 * ```
 */
export function prometheusText(
  stats: ServerStats | WorkerServerStats,
  options: MetricsFormat | MetricsTextOptions = {},
): string {
  const { format = 'prometheus', perWorker = false } =
    typeof options === 'string' ? { format: options } : options;
  if (format !== 'prometheus' && format !== 'openmetrics') {
    throw new TypeError(
      `Cannot write metrics as format must be 'prometheus' or 'openmetrics': current value is ${String(format)}`,
    );
  }
  const open = format === 'openmetrics';
  let text = '';
  for (const [name, type, help, samples] of familiesOf(stats, perWorker)) {
    const full = type === 'counter' ? `ringbearer_${name}_total` : `ringbearer_${name}`;
    // OpenMetrics names a counter's family without the suffix its samples have, Prometheus with it.
    const family = open ? `ringbearer_${name}` : full;
    text += `# HELP ${family} ${help}\n# TYPE ${family} ${type}\n`;
    for (const [value, labels = []] of samples) text += `${full}${written(labels)} ${value}\n`;
  }
  return open ? `${text}# EOF\n` : text;
}

function familiesOf(stats: ServerStats | WorkerServerStats, perWorker: boolean): Iterable<Family> {
  if (!('workers' in stats)) return [...httpFamilies(stats), ...ringFamilies(stats)];
  const whole = workerFamilies(stats, stats.workers);
  const reloads = counter('reloads', 'Reloads that succeeded.', stats.reloads);
  if (!perWorker) return [...httpFamilies(stats), ...ringFamilies(stats), ...whole, reloads];
  // Families by name: a worker whose runtime is another one has others.
  const merged = new Map<string, Family>();
  for (const worker of stats.workers) {
    const families = [
      ...httpFamilies(worker),
      ...ringFamilies(worker),
      ...workerFamilies(worker, [worker]),
    ];
    for (const [name, type, help, samples] of families) {
      const before = merged.get(name)?.[3] ?? [];
      const own = samples.map(([value, labels = []]): Sample => {
        return [value, [['worker', String(worker.index)], ...labels]];
      });
      merged.set(name, [name, type, help, [...before, ...own]]);
    }
  }
  return [...merged.values(), reloads];
}

function workerFamilies(
  { restarts }: Pick<WorkerStats, 'restarts'>,
  workers: readonly WorkerStats[],
): readonly Family[] {
  const serving = workers.filter(({ state }) => state === 'serving').length;
  const draining = workers.reduce((sum, worker) => sum + worker.draining, 0);
  return [
    gauge('workers_serving', 'Workers that serve: the others start again or ended.', serving),
    gauge('worker_threads_draining', 'Threads that were replaced and have connections.', draining),
    counter('worker_restarts', 'Restarts of workers that ended unasked.', restarts),
  ];
}

function httpFamilies(stats: ServerStats): readonly Family[] {
  return [
    counter('http_requests', 'Requests given to the handler.', stats.requests),
    labelled('http_responses', 'Complete replies by class of status.', 'class', stats.responses),
    gauge('http_requests_active', 'Requests whose reply is not complete.', stats.active),
    counter(
      'http_requests_lost',
      'Requests that ended without a complete reply of their handler.',
      stats.lost,
    ),
    counter(
      'http_disconnects',
      'Requests whose client went away before the reply was complete.',
      stats.disconnects,
    ),
    counter(
      'http_refused',
      'Messages the server answered itself because of a fault or a limit.',
      stats.refused,
    ),
    labelled('http_protocol_errors', 'Mistakes of clients by code.', 'code', stats.protocolErrors),
    labelled('http_limits_reached', 'Limits that were reached by option.', 'limit', stats.limits),
    gauge('http_connections', 'Connections open now.', stats.connections),
    gauge('http_connections_idle', 'Connections without a request under way.', stats.idle),
    gauge('http_connections_limit', 'Connections that may be open at once.', stats.maxConnections),
    counter('http_connections_accepted', 'Connections accepted.', stats.accepted),
    counter(
      'http_connections_refused',
      'Connections accepted and not served: one too many, or of one address.',
      stats.connectionsRefused,
    ),
    gauge(
      'http_accept_paused',
      '1 while no connection is accepted for want of room.',
      stats.acceptPaused ? 1 : 0,
    ),
    counter('http_received_bytes', 'Bytes received from all peers.', stats.bytesReceived),
    counter('http_sent_bytes', 'Bytes sent to all peers.', stats.bytesSent),
    counter(
      'http_zero_copy_sends',
      'Sends of large bodies that asked for zero copy.',
      stats.zeroCopySends,
    ),
    counter(
      'http_zero_copy_copied',
      'Of those, sends that the kernel copied after all.',
      stats.zeroCopyCopied,
    ),
    gauge(
      'http_zero_copy_paused',
      '1 while zero copy is left off as the kernel copied several in a row.',
      stats.zeroCopyPaused ? 1 : 0,
    ),
    counter(
      'http_access_log_lines',
      'Lines of the access log that were written.',
      stats.accessLog.written,
    ),
    counter(
      'http_access_log_dropped',
      'Lines of the access log that were dropped as its stream was slow.',
      stats.accessLog.dropped,
    ),
  ];
}

function ringFamilies({ ring }: ServerStats): readonly Family[] {
  if (ring === undefined || ring === null) return [];
  const uses = Object.entries(ring.capacity);
  return [
    counter('ring_sqes', 'Submission queue entries written.', ring.submitted),
    counter('ring_cqes', 'Completions delivered.', ring.completed),
    counter('ring_enters', 'Calls of io_uring_enter.', ring.enters),
    counter(
      'ring_overflows',
      'Wake-ups that found completions kept back because their queue was full.',
      ring.overflows,
    ),
    counter('ring_dropped', 'Completions the kernel could not keep.', ring.dropped),
    counter('ring_stale', 'Completions that named no operation in flight.', ring.stale),
    counter(
      'ring_enobufs',
      'Completions with ENOBUFS as a buffer group was empty.',
      ring.noBuffers,
    ),
    [
      'ring_capacity_used',
      'gauge',
      'What is in use of each capacity.',
      uses.map(([kind, { used }]): Sample => [used, [['kind', kind]]]),
    ],
    [
      'ring_capacity_limit',
      'gauge',
      'What there may be of each capacity.',
      uses.map(([kind, { limit }]): Sample => [limit, [['kind', kind]]]),
    ],
  ];
}

function counter(name: string, help: string, value: number): Family {
  return [name, 'counter', help, [[value]]];
}

function gauge(name: string, help: string, value: number): Family {
  return [name, 'gauge', help, [[value]]];
}

function labelled(
  name: string,
  help: string,
  label: string,
  values: Readonly<Record<string, number>>,
): Family {
  const samples = Object.entries(values).map(([key, value]): Sample => [value, [[label, key]]]);
  return [name, 'counter', help, samples];
}

function written(labels: Labels): string {
  if (labels.length === 0) return '';
  return `{${labels.map(([name, value]) => `${name}="${escaped(value)}"`).join()}}`;
}

function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));
}
