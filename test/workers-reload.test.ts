// Rolling restarts: requests come in all the time, and none is lost.

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { type StartOptions, start, type WorkerServer } from '@ringbearer/http-server';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { openFiles, settledFiles } from './fixtures/open-files.mjs';
import { Load, type Target } from './harness/load.js';
import { needs } from './harness/needs.js';
import { get, Peer } from './harness/peer.js';
import { until } from './harness/until.js';

const app = new URL('./fixtures/worker-app.mjs', import.meta.url);
const folder = mkdtempSync(path.join(tmpdir(), 'reload-'));
const CLIENTS = 16;
const servers: WorkerServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close({ drainTimeoutMs: 0 })));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function serving(options: Partial<StartOptions> = {}): Promise<WorkerServer> {
  const where = options.path === undefined ? { hostname: '127.0.0.1', port: 0 } : {};
  const server = await start({ app, workers: 2, ...where, ...options });
  servers.push(server);
  return server;
}

function targetOf(server: WorkerServer): Target {
  const name = server.address();
  return name.family === 'Unix' ? { path: name.path } : { port: name.port, host: '127.0.0.1' };
}
const portOf = (server: WorkerServer) => (server.address() as { port: number }).port;

describe('reload()', () => {
  test.each<[string, Partial<StartOptions>, number]>([
    ['two workers, a socket each', { workers: 2 }, 12],
    ['one worker, one socket', { workers: 1 }, 30],
    ['two workers, one Unix socket', { workers: 2, path: path.join(folder, 'reload.sock') }, 8],
  ])(
    '%s: loses no request, and leaves nothing behind',
    async (_what, options, times) => {
      const server = await serving(options);
      await server.reload();
      const before = openFiles().length;
      const load = new Load(targetOf(server), CLIENTS);
      await until('answers', () => load.answers > 100, 20_000);
      for (let time = 0; time < times; time++) {
        const { answers } = load;
        await server.reload();
        await until('answers after a reload', () => load.answers > answers + 20, 20_000);
      }
      await load.stop();
      expect(load.losses).toEqual([]);
      expect(load.bodies.size).toBeGreaterThan(times);
      await until('connections are closed', () => server.stats().connections === 0);
      const { reloads, restarts, accepted } = server.stats();
      expect({ reloads, restarts }).toEqual({ reloads: times + 1, restarts: 0 });
      // Numbers outlive their threads. Half of the clients take a connection for each answer.
      expect(accepted).toBeGreaterThan(load.answers / CLIENTS);
      expect((await settledFiles(before)).length).toBeLessThanOrEqual(before);
    },
    240_000,
  );

  test('loses no request of wrk', async (context) => {
    const wrk = needs(context, 'wrk');
    const server = await serving();
    const running = promisify(execFile)(wrk, ['-t1', '-c32', '-d6', server.url]);
    let done = false;
    const ended = running.finally(() => {
      done = true;
    });
    let reloads = 0;
    while (!done) {
      await server.reload();
      reloads++;
    }
    const { stdout } = await ended;
    expect(stdout).not.toMatch(/Socket errors|Non-2xx/);
    expect(stdout).toMatch(/requests in/);
    expect(reloads).toBeGreaterThan(1);
  }, 60_000);

  test('loads the module anew; one that is broken leaves the old workers serving', async () => {
    const file = path.join(mkdtempSync(`${folder}/`), 'app.mjs');
    const write = (text: string) => writeFileSync(file, text);
    const answer = async () =>
      await (
        await fetch(server.url, { keepalive: false, headers: { connection: 'close' } })
      ).text();
    write("export default { raw: (_, reply) => reply.text('first') };");
    const server = await serving({ app: pathToFileURL(file) });
    expect(await answer()).toBe('first');
    write("export default { raw: (_, reply) => reply.text('second') };");
    await server.reload();
    expect(await answer()).toBe('second');
    for (const [broken, why] of [
      ["throw new Error('not today')", /not today/],
      ['export default 5', /default export must be a fetch handler/],
      ['export default { raw() {}, prot: 1 }', /prot is no option/],
      ['export const it = ', /fresh worker failed/],
      ['process.exit(4); export default {}', /code 4/],
    ] as const) {
      write(broken);
      await expect(server.reload()).rejects.toThrow(why);
      await expect(server.reload()).rejects.toMatchObject({ code: 'WORKER_FAILED' });
      expect(await answer()).toBe('second');
    }
    expect(server.stats()).toMatchObject({ reloads: 1, restarts: 0 });
    write("export default { raw: (_, reply) => reply.text('third') };");
    await server.reload();
    expect(await answer()).toBe('third');
  }, 60_000);

  test('a module that never ends loading does not hold up the next reload', async () => {
    const file = path.join(mkdtempSync(`${folder}/`), 'app.mjs');
    const good = "export default { raw: (_, reply) => reply.text('good') };";
    writeFileSync(file, good);
    const server = await serving({ app: file, workers: 1, startTimeoutMs: 2000 });
    writeFileSync(file, 'setInterval(() => {}, 1000); await new Promise(() => {});');
    await expect(server.reload()).rejects.toThrow(/did not accept connections within 2000 ms/);
    writeFileSync(file, good);
    await server.reload();
    expect(server.stats().reloads).toBe(1);
  });

  test('a module that never ends loading does not hold up close(), whatever startTimeoutMs is', async () => {
    const file = path.join(mkdtempSync(`${folder}/`), 'app.mjs');
    writeFileSync(file, "export default { raw: (_, reply) => reply.text('good') };");
    const server = await serving({ app: file, workers: 1, startTimeoutMs: 3_600_000 });
    writeFileSync(
      file,
      "import { writeFileSync } from 'node:fs'; writeFileSync(new URL('./begun', import.meta.url), ''); for (;;);",
    );
    const reload = server.reload().catch((error: unknown) => error);
    await until('it loads', () => existsSync(path.join(path.dirname(file), 'begun')), 20_000);
    await server.close({ drainTimeoutMs: 0 });
    expect(await reload).toMatchObject({ code: 'SERVER_CLOSED' });
    expect(server.stats().workers).toMatchObject([{ state: 'ended', threadId: null }]);
  }, 60_000);

  test('waits for a slow reply, and says Connection: close in it', async () => {
    const server = await serving({ workers: 1 });
    const peer = await Peer.connect(portOf(server));
    await peer.send(get('/slow?ms=4000'));
    await until('the request is there', () => server.stats().connections === 1);
    const order: string[] = [];
    const reloaded = server.reload().then(() => order.push('reloaded'));
    await until('the old worker drains', () => server.stats().workers[0]!.draining === 1);
    const response = await peer.response();
    order.push('answered');
    expect(response.status).toBe(200);
    expect(response.head).toMatch(/^connection: close\r?$/im);
    expect(await peer.ended).toBe('fin');
    peer.close();
    await reloaded;
    expect(order).toEqual(['answered', 'reloaded']);
  });

  test('an idle connection gets one more answer from the old worker', async () => {
    const server = await serving({ workers: 1 });
    const peer = await Peer.connect(portOf(server));
    await peer.send(get('/'));
    const first = (await peer.response()).body.toString();
    const reloaded = server.reload();
    await until('the old worker drains', () => server.stats().workers[0]!.draining === 1);
    await peer.send(get('/'));
    const { body, head } = await peer.response();
    expect(body.toString()).toBe(first);
    expect(head).toMatch(/^connection: close\r?$/im);
    peer.close();
    await reloaded;
    const fresh = await Peer.connect(portOf(server));
    await fresh.send(get('/'));
    expect((await fresh.response()).body.toString()).not.toBe(first);
    fresh.close();
  });

  test('a reply begun before the drain is followed by one more exchange', async () => {
    const server = await serving({ workers: 1 });
    const peer = await Peer.connect(portOf(server));
    await peer.send(get('/big'));
    await until('the reply has begun', () => peer.bufferedBytes > 0);
    const reloaded = server.reload();
    await until('the old worker drains', () => server.stats().workers[0]!.draining === 1);
    const big = await peer.response();
    expect(big.head).not.toMatch(/connection: close/i);
    await peer.send(get('/'));
    const last = await peer.response();
    expect(last.status).toBe(200);
    expect(last.head).toMatch(/^connection: close\r?$/im);
    peer.close();
    await reloaded;
  });

  test('close() during a reload ends idle connections at once, and the reload with SERVER_CLOSED', async () => {
    const server = await serving({ workers: 2 });
    const idle = await Peer.connect(portOf(server));
    await until('it is accepted', () => server.stats().connections === 1);
    const order: string[] = [];
    const reloads = [server.reload(), server.reload(), server.reload()].map((reload) =>
      reload.then(
        () => order.push('reloaded'),
        (error) => order.push(error.code),
      ),
    );
    await until('an old worker drains', () =>
      server.stats().workers.some(({ draining }) => draining > 0),
    );
    await server.close();
    expect(await idle.ended).toBe('fin');
    idle.close();
    await Promise.all(reloads);
    expect(order.slice(1)).toEqual(['SERVER_CLOSED', 'SERVER_CLOSED']);
    await expect(server.reload()).rejects.toMatchObject({ code: 'SERVER_CLOSED' });
  });

  test('a worker whose thread is stuck is replaced, and terminated after its drain timeout', async () => {
    const errors: string[] = [];
    const server = await serving({
      workers: 1,
      onWorkerError: (error) => errors.push(error.message),
    });
    const stuck = await Peer.connect(portOf(server));
    await stuck.send(get('/block?ms=60000'));
    await until('it is accepted', () => server.stats().connections === 1);
    const { threadId } = server.stats().workers[0]!;
    const reloaded = server.reload({ drainTimeoutMs: 100 });
    await until('the fresh one serves', () => server.stats().workers[0]!.threadId !== threadId);
    const peer = await Peer.connect(portOf(server));
    await peer.send(get('/'));
    expect((await peer.response()).status).toBe(200);
    peer.close();
    await reloaded;
    expect(errors).toEqual([
      expect.stringMatching(/terminated as it did not end by its drain timeout/),
    ]);
    stuck.close();
  });
});
