import { setTimeout as sleep } from 'node:timers/promises';
// Servers in worker threads: what they share, how they end, and what survives.

import { once } from 'node:events';
import { existsSync, lstatSync, mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { type StartOptions, serve, start, type WorkerServer } from '@ringbearer/http-server';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { workersOf } from '../packages/http-server/src/workers/start-options.js';
import { bindOnce } from './fixtures/hammer.mjs';
import { openFiles, settledFiles } from './fixtures/open-files.mjs';
import { Load } from './harness/load.js';
import { needs } from './harness/needs.js';
import { get, Peer } from './harness/peer.js';
import { run } from './harness/program.js';
import { until } from './harness/until.js';

const app = new URL('./fixtures/worker-app.mjs', import.meta.url);
const folder = mkdtempSync(path.join(os.tmpdir(), 'workers-'));
const servers: WorkerServer[] = [];
const errors: string[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close({ drainTimeoutMs: 0 })));
  errors.length = 0;
});
afterAll(() => rmSync(folder, { recursive: true }));

async function serving(options: Partial<StartOptions> = {}): Promise<WorkerServer> {
  const elsewhere = 'path' in options || 'fd' in options;
  const server = await start({
    app,
    workers: 2,
    onWorkerError: (error) => errors.push(`${error.name}: ${error.message}`),
    ...(elsewhere ? {} : { hostname: '127.0.0.1', port: 0 }),
    ...options,
  });
  servers.push(server);
  return server;
}
const portOf = (server: WorkerServer) => (server.address() as { port: number }).port;

async function answer(port: number, target = '/'): Promise<string> {
  const peer = await Peer.connect(port);
  await peer.send(get(target));
  const { body } = await peer.response();
  peer.close();
  return body.toString();
}

/** Connections until each of `count` workers has one, by the thread that answers. */
async function peersOf(port: number, count: number): Promise<Map<string, Peer>> {
  const peers = new Map<string, Peer>();
  for (let attempt = 0; peers.size < count; attempt++) {
    expect(attempt).toBeLessThan(200);
    const peer = await Peer.connect(port);
    await peer.send(get('/'));
    const thread = (await peer.response()).body.toString();
    if (peers.has(thread)) peer.close();
    else peers.set(thread, peer);
  }
  return peers;
}

describe('start()', () => {
  test('one ring per worker on one port that the system chose, and their numbers add up', async () => {
    const server = await serving({ workers: 3, maxConnections: 100 });
    const port = portOf(server);
    expect(port).toBeGreaterThan(0);
    expect(server.url).toBe(`http://127.0.0.1:${port}/`);
    const peers = await peersOf(port, 3);
    await until('closed connections are counted', () => server.stats().connections === 3);
    const stats = server.stats();
    expect(stats.workers.map(({ connections }) => connections)).toEqual([1, 1, 1]);
    expect(stats.workers.map(({ maxConnections }) => maxConnections)).toEqual([34, 33, 33]);
    expect(stats.workers.map(({ state }) => state)).toEqual(['serving', 'serving', 'serving']);
    expect(new Set(stats.workers.map(({ threadId }) => String(threadId)))).toEqual(
      new Set(peers.keys()),
    );
    expect(stats).toMatchObject({ maxConnections: 100, restarts: 0, reloads: 0 });
    expect(stats.accepted).toBe(stats.workers.reduce((sum, { accepted }) => sum + accepted, 0));
    if (process.env.RINGBEARER_RUNTIME !== 'node')
      await until('counters of the rings', () => server.stats().ring!.completed > 0);
    for (const peer of peers.values()) peer.close();
  });

  test("'auto' is as many workers as there are processors, and time for them", async () => {
    const server = await serving({ workers: 'auto' });
    expect(server.stats().workers).toHaveLength(workersOf('auto'));
    expect(server.stats().workers.length).toBeLessThanOrEqual(os.availableParallelism());
  });

  test('a port in use is EADDRINUSE, with what to do, although workers share theirs', async () => {
    const server = await serving();
    const port = portOf(server);
    const before = openFiles().length;
    for (const workers of [1, 2]) {
      await expect(serving({ workers, port, hostname: '127.0.0.1' })).rejects.toMatchObject({
        code: 'EADDRINUSE',
        address: '127.0.0.1',
        port,
        message: `Cannot listen on 127.0.0.1:${port} as another program does: choose another port, or find that program with "ss -ltnp sport = :${port}" (EADDRINUSE)`,
      });
    }
    expect(openFiles().length).toBe(before);
    const other = await serving({ port, hostname: '127.0.0.1', reusePort: true });
    expect(portOf(other)).toBe(port);
    expect(await answer(port)).toMatch(/^\d+$/);
  });

  test('one worker listens alone: nobody joins its port', async () => {
    const server = await serving({ workers: 1 });
    await expect(
      serving({ port: portOf(server), hostname: '127.0.0.1', reusePort: true }),
    ).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  test('IPv6, with and without IPv4', async () => {
    const both = await serving({ hostname: '::' });
    expect(both.url).toBe(`http://[::1]:${portOf(both)}/`);
    expect(await answer(portOf(both))).toMatch(/^\d+$/);
    const six = await serving({ hostname: '::', ipv6Only: true });
    const socket = net.connect(portOf(six), '127.0.0.1');
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
    const response = await fetch(six.url, { headers: { connection: 'close' } });
    expect(await response.text()).toMatch(/^\d+$/);
    await expect(serving({ hostname: '::', port: portOf(six), ipv6Only: true })).rejects.toThrow(
      `Cannot listen on [::]:${portOf(six)} as another program does`,
    );
  });

  test('a Unix path with its permissions, which all workers accept from', async () => {
    const file = path.join(folder, 'mode.sock');
    const server = await serving({ path: file, mode: 0o640 });
    expect(lstatSync(file).mode & 0o777).toBe(0o640);
    const load = new Load({ path: file }, 8);
    await until('answers', () => load.answers > 50, 20_000);
    await load.stop();
    expect(load.losses).toEqual([]);
    await expect(serving({ path: file })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await server.close();
    expect(existsSync(file)).toBe(false);
  }, 60_000);

  test('an abstract name, which all workers accept from', async (context) => {
    // Not node:net, which pads such names with NULs to their full length: another name.
    const curl = needs(context, 'curl');
    const server = await serving({ path: `\0workers-${process.pid}` });
    expect(server.url).toBe(`unix:@workers-${process.pid}`);
    const { code, stdout } = await run(curl, [
      '-sS',
      '--abstract-unix-socket',
      `workers-${process.pid}`,
      'http://localhost/[1-20]',
    ]);
    expect(code).toBe(0);
    expect(stdout.toString()).toMatch(/^\d{20,}$/);
  });

  test('a descriptor that listens already stays open, with what waits in its queue', async () => {
    const holder = net.createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as net.AddressInfo;
    const { _handle: handle } = holder as unknown as { _handle: { fd: number } };
    const first = await serving({ fd: handle.fd, workers: 2 });
    expect(portOf(first)).toBe(port);
    await first.close();
    expect(openFiles().length).toBeGreaterThan(0);
    expect(holder.listening).toBe(true);
    const again = await serving({ fd: handle.fd, workers: 1 });
    expect(portOf(again)).toBe(port);
    await again.close();
    await new Promise((resolve) => holder.close(resolve));
    await bindOnce(port);
  });

  test('limits go before those of the module, environment and arguments reach the threads', async () => {
    const server = await serving({
      workers: 1,
      maxTargetBytes: 50,
      thread: { env: { GREETING: 'hi' }, argv: ['one', 'two'] },
    });
    const port = portOf(server);
    expect(await answer(port, '/env')).toBe('hi one,two');
    const peer = await Peer.connect(port);
    await peer.send(get(`/${'x'.repeat(60)}`));
    expect((await peer.response()).status).toBe(414);
    peer.close();
  });

  test('a module that cannot be served: its error, no thread and no port are left', async () => {
    const before = openFiles().length;
    for (const [source, why] of [
      ['throw new RangeError("at load")', /RangeError|at load/],
      ['export const nothing = 1', /default export must be a fetch handler.*undefined/],
      ['export default { fetch() {}, port: 3000 }', /has port: .* is for start\(\) to say/],
      ['export default { fetch() {}, raw() {} }', /exactly one of fetch and raw/],
      ['export default { raw: 5 }', /raw must be a function/],
      ['process.exit(0); export default {}', /code 0 before it accepted.*process\.exit\(\)/],
      ['export default {', /its module data:text.* does not load: Unexpected end of input/],
      ['await new Promise(() => {})', /its module awaits, at its top level, what never happens/],
    ] as const) {
      const module = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
      await expect(serving({ app: module, workers: 1 })).rejects.toMatchObject({
        code: 'WORKER_FAILED',
        message: expect.stringMatching(why),
        cause: expect.any(Error),
      });
    }
    await expect(serving({ app: './no-such-file.mjs' })).rejects.toThrow(/no-such-file/);
    // Threads take their time to end on a machine that is busy.
    const left = await settledFiles(before, 30_000);
    expect(left.length, left.join('\n')).toBeLessThanOrEqual(before);
  }, 90_000);
});

describe('serve()', () => {
  test('refuses workers, and says what to do', async () => {
    const handler = () => new Response('hi');
    const options = { workers: 4 } as object;
    await expect(serve(handler, options)).rejects.toThrow(
      new TypeError(
        'Cannot serve with workers: 4 as a handler cannot cross threads: put it into a module of its own, "export default { fetch }", and call start({ app: new URL(\'./app.js\', import.meta.url), workers: 4 })',
      ),
    );
    await expect(serve({ fetch: handler, ...options })).rejects.toThrow(TypeError);
  });

  test('takes a handler and the options that go with it', async () => {
    const server = await serve(() => new Response('both'), { hostname: '127.0.0.1', port: 0 });
    expect(await (await fetch(server.url)).text()).toBe('both');
    await server.close();
  });
});

describe('a worker that', () => {
  test.each([
    ['throws', '/throw', 'TypeError: thrown later'],
    ['rejects', '/reject', 'RangeError: rejected'],
    ['exits', '/exit', 'Error: it ended with code 7: process.exit() in a worker ends the worker'],
  ])(
    '%s is started again, and the others go on',
    async (_what, target, message) => {
      const server = await serving();
      const port = portOf(server);
      const peers = [...(await peersOf(port, 2)).values()];
      const [bad, good] = peers as [Peer, Peer];
      for (let time = 1; time <= 2; time++) {
        const victim = time === 1 ? bad : [...(await peersOf(port, 2)).values()][0]!;
        await victim.send(get(target));
        await victim.ended;
        victim.close();
        await until(
          'it was started again',
          () => {
            const { restarts, workers } = server.stats();
            return restarts === time && workers.every(({ state }) => state === 'serving');
          },
          20_000,
        );
        if (time > 1) break;
        await good.send(get('/'));
        expect((await good.response()).status).toBe(200);
      }
      good.close();
      expect(errors).toEqual([message, message]);
    },
    60_000,
  );

  test('runs out of memory is started again', async () => {
    const server = await serving({
      workers: 1,
      thread: { resourceLimits: { maxOldGenerationSizeMb: 32 } },
    });
    const peer = await Peer.connect(portOf(server));
    await peer.send(get('/fill'));
    await peer.ended;
    peer.close();
    expect(await answer(portOf(server))).toMatch(/^\d+$/);
    expect(errors).toEqual([expect.stringMatching(/memory/)]);
  }, 60_000);

  test('blocks its thread leaves the others alone, and has its numbers', async () => {
    const server = await serving();
    const peers = [...(await peersOf(portOf(server), 2)).values()] as [Peer, Peer];
    await peers[0].send(get('/block?ms=60000'));
    for (let time = 0; time < 20; time++) {
      await peers[1].send(get('/'));
      expect((await peers[1].response()).status).toBe(200);
    }
    expect(server.stats().workers.map(({ connections }) => connections >= 1)).toEqual([true, true]);
    await server.close({ drainTimeoutMs: 0 });
    for (const peer of peers) peer.close();
    await bindOnce(portOf(server));
  });

  test('is stuck in JavaScript longer than it may is started again, one that computes for less is not', async () => {
    const server = await serving({ stuckAfterMs: 1000 });
    const port = portOf(server);
    const [bad, good] = [...(await peersOf(port, 2)).values()] as [Peer, Peer];
    await good.send(get('/block?ms=300'));
    expect((await good.response()).status).toBe(200);
    await bad.send(get('/block?ms=3600000'));
    await bad.ended;
    bad.close();
    await until('it was started again', () => {
      const { restarts, workers } = server.stats();
      return restarts === 1 && workers.every(({ state }) => state === 'serving');
    });
    await good.send(get('/'));
    expect((await good.response()).status).toBe(200);
    good.close();
    expect((await peersOf(port, 2)).size).toBe(2);
    expect(server.stats().lost).toBe(1);
    expect(errors).toEqual([
      'Error: it was terminated as its event loop stood still for 1000 ms (stuckAfterMs): its thread was busy all the time',
    ]);
  }, 60_000);

  test('ends is started again although onWorkerError throws: that is an uncaught exception', async () => {
    const thrown: unknown[] = [];
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => thrown.push(error));
    try {
      const mistake = new Error('the callback is wrong');
      const server = await serving({
        workers: 1,
        onWorkerError: () => {
          throw mistake;
        },
      });
      const peer = await Peer.connect(portOf(server));
      await peer.send(get('/exit'));
      await peer.ended;
      peer.close();
      expect(await answer(portOf(server))).toMatch(/^\d+$/);
      expect(server.stats().restarts).toBe(1);
      expect(thrown).toEqual([mistake]);
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const other of others) process.on('uncaughtException', other);
    }
  });

  test('ends when it may not: the others drain, and wait() rejects', async () => {
    const server = await serving({ onWorkerExit: 'fail' });
    const port = portOf(server);
    const failed = server.wait().catch((error: unknown) => error);
    const [bad, good] = [...(await peersOf(port, 2)).values()] as [Peer, Peer];
    await good.send(get('/slow?ms=1500'));
    await bad.send(get('/throw'));
    expect((await good.response()).status).toBe(200);
    expect(await failed).toMatchObject({
      code: 'WORKER_FAILED',
      message: expect.stringMatching(/onWorkerExit is 'fail': thrown later/),
      cause: { name: 'TypeError' },
    });
    await bindOnce(port);
    for (const peer of [good, bad]) peer.close();
  });

  test('ends again and again: it is given up after restartLimit', async () => {
    const server = await serving({ workers: 1, restartLimit: 2 });
    const failed = server.wait().catch((error: unknown) => error);
    for (let time = 0; time < 3; time++) {
      const peer = await Peer.connect(portOf(server));
      await peer.send(get('/exit'));
      await peer.ended;
      peer.close();
    }
    expect(await failed).toMatchObject({
      code: 'WORKER_FAILED',
      message: expect.stringMatching(/ended too often.*code 7/),
    });
    expect(errors).toHaveLength(3);
  }, 60_000);

  test('connections that come while nobody serves wait, and are answered', async () => {
    const server = await serving({ workers: 1 });
    const port = portOf(server);
    const killer = await Peer.connect(port);
    await killer.send(get('/exit'));
    await killer.ended;
    killer.close();
    const answers = await Promise.all(Array.from({ length: 20 }, () => answer(port)));
    expect(answers.every((body) => /^\d+$/.test(body))).toBe(true);
  });
});

describe('close()', () => {
  test('drains all workers, frees the port at once and leaves nothing open', async () => {
    const first = await serving();
    await first.close();
    const before = openFiles().length;
    let port = 0;
    for (let time = 0; time < 5; time++) {
      const server = await serving({ port, hostname: '127.0.0.1' });
      port = portOf(server);
      const peers = [...(await peersOf(port, 2)).values()] as [Peer, Peer];
      await peers[0].send(get('/slow?ms=300'));
      await until('it was accepted', () => server.stats().connections >= 2);
      await sleep(150); // its worker has read the request: one that has not is closed as idle
      const order: string[] = [];
      const closed = server.close().then(() => order.push('closed'));
      expect((await peers[0].response()).status).toBe(200);
      order.push('answered');
      expect(await peers[1].ended).toBe('fin');
      for (const peer of peers) peer.close();
      await closed;
      expect(order).toEqual(['answered', 'closed']);
      await server.wait();
      await server.close();
      await bindOnce(port);
    }
    expect((await settledFiles(before)).length).toBeLessThanOrEqual(before);
  }, 60_000);

  test('while a worker waits to be started again: it is not', async () => {
    const server = await serving({ workers: 1 });
    const port = portOf(server);
    // The second restart in a row has to wait, the sixth for 1.6 s.
    for (let time = 1; time <= 6; time++) {
      const peer = await Peer.connect(port);
      await peer.send(get('/exit'));
      await peer.ended;
      peer.close();
      await until('it is started again', () => server.stats().restarts === time, 20_000);
    }
    expect(server.stats().workers[0]!.state).toBe('restarting');
    await server.close();
    await server.wait();
    expect(server.stats()).toMatchObject({ restarts: 6, workers: [{ state: 'ended' }] });
    await bindOnce(port);
  }, 60_000);

  test('by signal, by await using, and while it starts', async () => {
    const controller = new AbortController();
    const server = await serving({ signal: controller.signal });
    controller.abort();
    await server.wait();
    await bindOnce(portOf(server));
    await expect(serving({ signal: controller.signal })).rejects.toThrow(/abort/);
    const later = new AbortController();
    const starting = serving({ signal: later.signal });
    later.abort(new Error('changed my mind'));
    await expect(starting).rejects.toThrow('changed my mind');
    const other = await serving();
    await other[Symbol.asyncDispose]();
    await bindOnce(portOf(other));
  });
});
