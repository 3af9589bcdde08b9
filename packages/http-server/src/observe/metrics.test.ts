import { afterEach, describe, expect, test } from 'vitest';
import { parseExposition } from '../../test-support/exposition.js';
import { exchange, GET, until } from '../../test-support/raw-client.js';
import { type Server, serve } from '../server.js';
import { metricsHandler } from './metrics-handler.js';
import { prometheusText } from './prometheus.js';

const running: Server[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.close({ drainTimeoutMs: 0 });
});

/** A server with something to count. */
async function busy(): Promise<Server> {
  const server = await serve({
    port: 0,
    hostname: '127.0.0.1',
    keepAliveTimeoutMs: 60_000,
    raw: async (request, reply) => {
      if (request.path === '/500') throw Object.assign(new Error('boom'), { expected: true });
      if (request.hasBody) await request.bytes();
      reply.status(Number(request.path.slice(1)) || 200).text('hello');
    },
    onError: () => {},
  });
  running.push(server);
  const last = 'Connection: close\r\n\r\n';
  await exchange(
    server,
    `${GET}GET /302 HTTP/1.1\r\nHost: h\r\n\r\nGET /404 HTTP/1.1\r\nHost: h\r\n${last}`,
  );
  await exchange(server, `GET /500 HTTP/1.1\r\nHost: h\r\n${last}`);
  await exchange(server, 'GET  / HTTP/1.1\r\n\r\n');
  await exchange(server, 'GET / HTTP/1.1\r\n\r\n');
  await exchange(server, 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n');
  return server;
}

describe('Server.stats()', () => {
  test('adds up what real clients did', async () => {
    const server = await busy();
    await until(() => server.stats().connections === 0);
    const stats = server.stats();
    expect(stats).toMatchObject({
      requests: 4,
      active: 0,
      idle: 0,
      accepted: 5,
      responses: { '1xx': 0, '2xx': 1, '3xx': 1, '4xx': 4, '5xx': 1 },
      refused: 3,
      lost: 0,
      disconnects: 0,
      limits: { maxBodyBytes: 1 },
      timeouts: {},
      accessLog: { written: 0, dropped: 0 },
    });
    expect(Object.values(stats.protocolErrors).reduce((sum, count) => sum + count)).toBe(3);
    expect(stats.protocolErrors).toMatchObject({ HOST_MISSING: 1, BODY_LENGTH: 1 });
  });

  test('counts every byte both ways, and knows the active from the idle', async () => {
    let release!: () => void;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const server = await serve({
      port: 0,
      hostname: '127.0.0.1',
      keepAliveTimeoutMs: 60_000,
      raw: async (_request, reply) => {
        await held;
        reply.text('x'.repeat(100_000));
      },
    });
    running.push(server);
    const wire = GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');
    const pending = exchange(server, wire);
    await until(() => server.stats().active === 1);
    expect(server.stats()).toMatchObject({ requests: 1, active: 1, idle: 0, connections: 1 });
    release();
    const received = await pending;
    const stats = server.stats();
    expect([stats.bytesReceived, stats.bytesSent]).toEqual([wire.length, received.length]);
  });
});

describe('prometheusText()', () => {
  test.each(['prometheus', 'openmetrics'] as const)('speaks the grammar of %s', async (format) => {
    const server = await busy();
    const stats = server.stats();
    const samples = parseExposition(prometheusText(stats, format), format === 'openmetrics');
    const sampleOf = (name: string, label?: string): number | undefined =>
      samples.find(
        (sample) =>
          sample.name === `ringbearer_${name}` &&
          (label === undefined || Object.values(sample.labels).includes(label)),
      )?.value;
    expect(sampleOf('http_requests_total')).toBe(4);
    expect(sampleOf('http_responses_total', '4xx')).toBe(4);
    expect(sampleOf('http_protocol_errors_total', 'HOST_MISSING')).toBe(1);
    expect(sampleOf('http_limits_reached_total', 'maxBodyBytes')).toBe(1);
    expect(sampleOf('http_received_bytes_total')).toBe(stats.bytesReceived);
    if (stats.ring === null) return; // on node:net
    for (const [name, value] of [
      ['sqes', stats.ring.submitted],
      ['cqes', stats.ring.completed],
      ['enters', stats.ring.enters],
      ['enobufs', stats.ring.noBuffers],
      ['overflows', stats.ring.overflows],
      ['stale', stats.ring.stale],
    ] as const) {
      expect(sampleOf(`ring_${name}_total`)).toBe(value);
    }
    expect(sampleOf('ring_sqes_total')).toBeGreaterThan(0);
    expect(sampleOf('ring_capacity_limit', 'RegisteredFd')).toBeGreaterThan(0);
  });

  test('has a family without samples announced all the same, and escapes labels', async () => {
    const server = await busy();
    const stats = { ...server.stats(), protocolErrors: {}, limits: { 'a"b\\c\nd': 1 } };
    const text = prometheusText(stats);
    expect(text).toContain('# TYPE ringbearer_http_protocol_errors_total counter\n');
    expect(text).toContain('{limit="a\\"b\\\\c\\nd"} 1\n');
    parseExposition(text, false);
  });

  test('the grammar check refuses what is wrong', () => {
    for (const text of [
      'a 1',
      '# HELP a b\n# TYPE a counter\na 1\n',
      '# TYPE a gauge\na 1\n',
      '# HELP a b\n# TYPE a gauge\na 1\na 2\n',
      '# HELP a b\n# TYPE a gauge\na{b="c\nd"} 2\n',
      '# HELP a b\n# TYPE a gauge\na one\n',
      '# HELP a b\n# TYPE a gauge\nb 1\n',
    ]) {
      expect(() => parseExposition(text, false)).toThrow();
    }
  });
});

describe('metricsHandler()', () => {
  test('serves the metrics at its path, in the format that is asked for', async () => {
    const server = await busy();
    const metrics = await serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: metricsHandler(() => server.stats(), {
        path: '/metrics',
        next: () => new Response('next'),
      }),
    });
    running.push(metrics);
    const plain = await fetch(`${metrics.url}metrics?x`);
    expect(plain.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    parseExposition(await plain.text(), false);
    const open = await fetch(`${metrics.url}metrics`, {
      headers: { accept: 'application/openmetrics-text; version=1.0.0,text/plain;q=0.5' },
    });
    expect(open.headers.get('content-type')).toContain('application/openmetrics-text');
    parseExposition(await open.text(), true);
    expect(await (await fetch(`${metrics.url}other`)).text()).toBe('next');
    const head = await fetch(`${metrics.url}metrics`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect((await fetch(`${metrics.url}metrics`, { method: 'POST' })).status).toBe(405);
  });

  test('refuses what cannot be', () => {
    expect(() => metricsHandler(1 as never)).toThrow(TypeError);
    expect(() => metricsHandler((() => 1) as never, { path: 'metrics' })).toThrow(/begin with \//);
    expect(() => metricsHandler((() => 1) as never, { path: 5 as never })).toThrow(/begin with \//);
    expect(() => metricsHandler((() => 1) as never, null as never)).toThrow(
      'Cannot make a handler as options must be an object: current value is null',
    );
  });
});
