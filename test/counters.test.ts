// The counters of a server in worker threads: sums that any worker can tell, and that never fall, whatever becomes of the threads.

import { type StartOptions, start, type WorkerServer } from '@ringbearer/http-server';
import { afterEach, describe, expect, test } from 'vitest';
import { parseExposition, type Sample } from '../packages/http-server/test-support/exposition.js';
import { Load } from './harness/load.js';
import { get, Peer } from './harness/peer.js';
import { until } from './harness/until.js';

const app = new URL('./fixtures/counting-app.mjs', import.meta.url);
const servers: WorkerServer[] = [];
const peers: Peer[] = [];
const errors: string[] = [];
afterEach(async () => {
  for (const peer of peers.splice(0)) peer.close();
  await Promise.all(servers.splice(0).map((server) => server.close({ drainTimeoutMs: 0 })));
  errors.length = 0;
});

async function serving(options: Partial<StartOptions> = {}): Promise<WorkerServer> {
  const server = await start({
    app,
    hostname: '127.0.0.1',
    port: 0,
    keepAliveTimeoutMs: 60_000,
    onWorkerError: (error) => errors.push(error.message),
    ...options,
  });
  servers.push(server);
  return server;
}
const portOf = (server: WorkerServer) => (server.address() as { port: number }).port;

async function dial(server: WorkerServer): Promise<Peer> {
  const peer = await Peer.connect(portOf(server));
  peers.push(peer);
  return peer;
}

async function ask(peer: Peer, target: string): Promise<string> {
  await peer.send(get(target));
  return (await peer.response()).body.toString();
}

/** A connection to each worker, by the thread that answers; each sent at least one request. */
async function peersOf(server: WorkerServer): Promise<Map<string, Peer>> {
  const found = new Map<string, Peer>();
  for (let attempt = 0; found.size < server.stats().workers.length; attempt++) {
    expect(attempt).toBeLessThan(200);
    const peer = await dial(server);
    const thread = await ask(peer, '/');
    if (found.has(thread)) peer.close();
    else found.set(thread, peer);
  }
  return found;
}

/** What only grows, flat, by name. */
function countersOf(stats: ReturnType<WorkerServer['stats']>): Record<string, number> {
  const { requests, lost, disconnects, refused, accepted, bytesReceived, bytesSent } = stats;
  const { responses, protocolErrors, limits, ring, restarts } = stats;
  return {
    ...{ requests, lost, disconnects, refused, accepted, bytesReceived, bytesSent, restarts },
    ...responses,
    ...protocolErrors,
    ...limits,
    ...(ring === null ? {} : { submitted: ring.submitted, enters: ring.enters }),
  };
}

/** Fails when a counter is less than it was. */
function demandGrowth(before: Record<string, number>, after: Record<string, number>): void {
  for (const [name, value] of Object.entries(before))
    if (!(after[name]! >= value)) expect.unreachable(`${name}: ${value}, then ${after[name]}`);
}

function counterSamples(text: string): Record<string, number> {
  const samples = parseExposition(text, false).filter(({ name }) => name.endsWith('_total'));
  return Object.fromEntries(samples.map((sample) => [keyOf(sample), sample.value]));
}
const keyOf = ({ name, labels }: Sample): string => `${name}${JSON.stringify(labels)}`;

describe('stats() of workers', () => {
  test('sums up what all of them did, and every worker tells the same', async () => {
    const server = await serving({ workers: 3, headerReadTimeoutMs: 300 });
    const clients = [...(await peersOf(server)).values()];
    const asked = server.stats().requests;
    expect(asked).toBeGreaterThanOrEqual(3);
    for (const client of clients) {
      await ask(client, '/404');
      await client.send('GET / HTTP/1.1\r\n\r\n'); // no Host
      expect((await client.response()).status).toBe(400);
    }
    const gone = [...(await peersOf(server)).values()];
    for (const client of gone) await client.send(get('/hang'));
    await until('they are with their handlers', () => server.stats().active === 3);
    for (const client of gone) client.reset();
    const late = await dial(server);
    await late.send('GET /late');
    expect((await late.response()).status).toBe(408);
    await until('they are gone', () => server.stats().disconnects === 3);
    await until('connections are closed', () => server.stats().connections === 0);
    const all = server.stats();
    expect(all).toMatchObject({
      active: 0,
      idle: 0,
      lost: 3,
      disconnects: 3,
      refused: 4,
      protocolErrors: { HOST_MISSING: 3, HEAD_TIMEOUT: 1 },
      limits: { headerReadTimeoutMs: 1 },
      timeouts: { headerReadTimeoutMs: 1 },
    });
    expect(all.responses).toMatchObject({ '4xx': 3 + 4, '5xx': 0 });
    expect(all.requests).toBe(all.responses['2xx'] + 3 + 3);
    expect(all.accessLog).toEqual({ written: all.requests + 4, dropped: 0 });
    for (const name of ['requests', 'accepted', 'bytesSent', 'lost', 'refused'] as const)
      expect(all[name]).toBe(all.workers.reduce((sum, worker) => sum + worker[name], 0));
    expect(all.workers.every(({ lost, requests }) => lost === 1 && requests >= 4)).toBe(true);
    // Each worker has the numbers of all, its own question included.
    let { requests } = all;
    for (const [thread, client] of await peersOf(server)) {
      ({ requests } = server.stats());
      const told = JSON.parse(await ask(client, '/shared'));
      expect(told).toMatchObject({ requests: requests + 1, lost: 3, refused: 4, restarts: 0 });
      const states = told.workers.map(({ state }: { state: string }) => state);
      expect(states).toEqual(['serving', 'serving', 'serving']);
      const { workers } = told as { workers: { threadId: number }[] };
      expect(workers.map(({ threadId }) => String(threadId))).toContain(thread);
    }
  });

  test('has those of a worker that blocks, and the others tell them', async () => {
    const server = await serving({ workers: 2 });
    const [busy, idle] = [...(await peersOf(server)).values()] as [Peer, Peer];
    const { requests } = server.stats();
    await busy.send(get('/block'));
    await until('it is counted', () => server.stats().requests === requests + 1);
    expect(JSON.parse(await ask(idle, '/shared'))).toMatchObject({
      requests: requests + 2,
      active: 2,
    });
  });

  test.each([
    ['throws', '/throw', 'thrown later'],
    ['exits', '/exit', 'process.exit()'],
    ['runs out of memory', '/fill', 'memory'],
  ])(
    'keeps what a worker counted that %s: its requests are lost, its connections gone',
    async (_what, target, why) => {
      const server = await serving({
        workers: 2,
        thread: { resourceLimits: { maxOldGenerationSizeMb: 48 } },
      });
      const [bad, good] = [...(await peersOf(server)).values()] as [Peer, Peer];
      for (let time = 0; time < 10; time++) await ask(bad, '/404');
      await bad.send(get('/hang') + get('/never-read'));
      const other = await dial(server);
      await other.send(get('/hang'));
      await until('they are with their handlers', () => server.stats().active === 2);
      const before = server.stats();
      // A connection of the same worker, as the first one is taken.
      const victim = before.workers.find(({ responses }) => responses['4xx'] === 10)!;
      for (let attempt = 0; server.stats().restarts === 0; attempt++) {
        expect(attempt).toBeLessThan(200);
        const peer = await dial(server);
        const thread = await ask(peer, '/').catch(() => '');
        if (thread !== String(victim.threadId)) continue;
        await peer.send(get(target));
        await peer.ended;
        await until(
          'it was started again',
          () => {
            const { restarts, workers } = server.stats();
            return restarts === 1 && workers.every(({ state }) => state === 'serving');
          },
          20_000,
        );
      }
      const hangs = before.workers.every(({ active }) => active === 1) ? 1 : 2;
      await until('errors', () => errors.length === 1);
      expect(errors[0]).toContain(why);
      const after = server.stats();
      demandGrowth(countersOf(before), countersOf(after));
      const now = after.workers[victim.index]!;
      expect(now.threadId).not.toBe(victim.threadId);
      expect(now).toMatchObject({
        restarts: 1,
        connections: 0,
        active: 0,
        idle: 0,
        lost: hangs + 1,
      });
      expect(now.responses['4xx']).toBe(10);
      // The successor goes on counting, and the one that lived has the sum.
      await peersOf(server);
      const told = counterSamples(await ask(good, '/metrics'));
      expect(told['ringbearer_http_responses_total{"class":"4xx"}']).toBe(10);
      expect(told['ringbearer_worker_restarts_total{}']).toBe(1);
      expect(server.stats().workers[victim.index]!.requests).toBeGreaterThan(now.requests);
    },
    60_000,
  );

  test('counts every request once, and never less than before, while workers are replaced and killed', async () => {
    const server = await serving({ workers: 2, restartLimit: 1000 });
    const load = new Load({ port: portOf(server), host: '127.0.0.1' }, 8);
    let looking = true;
    let looks = 0;
    const watching = (async () => {
      let before = countersOf(server.stats());
      while (looking) {
        const after = countersOf(server.stats());
        demandGrowth(before, after);
        before = after;
        looks++;
        await new Promise((resolve) => setTimeout(resolve));
      }
    })();
    let told: Record<string, number> = {};
    for (let time = 0; time < 5; time++) {
      await server.reload();
      const peer = await dial(server);
      const now = counterSamples(await ask(peer, '/metrics'));
      demandGrowth(told, now);
      told = now;
      peer.close();
    }
    await load.stop();
    expect(load.losses).toEqual([]);
    await until('connections are closed', () => server.stats().connections === 0);
    const { requests, lost, active, reloads } = server.stats();
    expect({ requests, lost, active, reloads }).toEqual({
      requests: load.answers + 5,
      lost: 0,
      active: 0,
      reloads: 5,
    });
    for (let time = 1; time <= 3; time++) {
      const peer = await dial(server);
      await peer.send(get('/exit'));
      await peer.ended;
      await until(
        'started again',
        () => {
          const { restarts, workers } = server.stats();
          return restarts === time && workers.every(({ state }) => state === 'serving');
        },
        20_000,
      );
    }
    looking = false;
    await watching;
    expect(looks).toBeGreaterThan(20);
    expect(server.stats()).toMatchObject({ requests: load.answers + 8, lost: 3, connections: 0 });
  }, 120_000);
});

describe('metricsHandler() in workers', () => {
  test('each worker answers for all, in sum and part by part', async () => {
    const server = await serving({ workers: 2, maxConnections: 101 });
    const clients = [...(await peersOf(server)).values()];
    await until('ticks', () => {
      const { bytesSent, ring } = server.stats();
      return bytesSent > 0 && (ring === null || ring.completed > 0);
    });
    let requests = server.stats().requests;
    for (const client of clients) {
      await client.send(get('/metrics'));
      const { head, body } = await client.response();
      expect(head).toMatch(/^content-type: text\/plain; version=0\.0\.4; charset=utf-8$/im);
      const whole = new Map(
        parseExposition(body.toString(), false).map((s) => [keyOf(s), s.value]),
      );
      expect(whole.get('ringbearer_http_requests_total{}')).toBe(++requests);
      expect(whole.get('ringbearer_workers_serving{}')).toBe(2);
      expect(whole.get('ringbearer_reloads_total{}')).toBe(0);
      expect(whole.get('ringbearer_http_connections_limit{}')).toBe(101);
      const parts = parseExposition(await ask(client, '/workers'), false);
      requests++;
      const sum = (name: string) =>
        parts
          .filter((sample) => sample.name === `ringbearer_${name}`)
          .reduce((total, { value }) => total + value, 0);
      expect(sum('http_requests_total')).toBe(requests);
      expect(sum('workers_serving')).toBe(2);
      expect(sum('http_connections_limit')).toBe(101);
      for (const { name, labels } of parts)
        if (name !== 'ringbearer_reloads_total') expect(labels.worker).toMatch(/^[01]$/);
      const limits = parts.filter(({ name }) => name === 'ringbearer_http_connections_limit');
      expect(limits.map(({ labels, value }) => [labels.worker, value])).toEqual([
        ['0', 51],
        ['1', 50],
      ]);
      if (process.env.RINGBEARER_RUNTIME !== 'node') {
        expect(sum('ring_sqes_total')).toBeGreaterThan(0);
        const kinds = parts.filter(({ name }) => name === 'ringbearer_ring_capacity_limit');
        expect(new Set(kinds.map(({ labels }) => labels.kind)).size).toBe(kinds.length / 2);
      } else expect(parts.some(({ name }) => name.includes('ring_sqes'))).toBe(false);
    }
  });
});
