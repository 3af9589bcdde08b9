import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { serve } from '@ringbearer/http-server';
import { expect, test } from 'vitest';
import { get, Peer } from './harness/peer.js';
import { run } from './harness/program.js';

const MEGABYTES = 1024 * 1024;
/** A ring with its buffers is 25 MB of address space, touched in part: what two hundred would hold is far above this. */
const RSS_MAX = 700 * MEGABYTES;

/** What a fixture prints. */
interface Report {
  readonly before: number;
  readonly after: number;
  readonly left: readonly string[];
  readonly answers: number;
  readonly silent: number;
  readonly interrupted: number;
  readonly mapped: { readonly mappings: number; readonly bytes: number };
  readonly rss: number;
}

async function report(fixture: string, times: number, ...more: string[]): Promise<Report> {
  const file = fileURLToPath(new URL(`./fixtures/${fixture}`, import.meta.url));
  const outcome = await run(process.execPath, ['--expose-gc', file, String(times), ...more], {
    msMax: 100_000,
  });
  const { code, signal, stderr } = outcome;
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
  return JSON.parse(outcome.stdout.toString()) as Report;
}

test('two hundred workers are terminated while they serve: nothing crashes, nothing leaks', async () => {
  const { left, answers, silent, rss } = await report('terminated-workers.mjs', 200);
  expect(left).toEqual([]);
  expect(silent).toBe(0);
  expect(answers).toBeGreaterThan(2000);
  expect(rss).toBeLessThan(RSS_MAX);
}, 120_000);

test('workers are terminated while the kernel writes bodies into their memory: nothing crashes, nothing leaks', async () => {
  const { left, interrupted, mapped, rss } = await report('terminated-uploads.mjs', 40);
  expect(left).toEqual([]);
  expect(interrupted).toBeGreaterThan(200);
  expect(mapped).toEqual({ mappings: 0, bytes: 0 });
  expect(rss).toBeLessThan(RSS_MAX);
}, 120_000);

test('workers are terminated while handlers hold leased bodies and the kernel sends others: nothing crashes, nothing leaks', async () => {
  const { left, interrupted, mapped, rss } = await report('terminated-uploads.mjs', 40, 'leases');
  expect(left).toEqual([]);
  expect(interrupted).toBeGreaterThan(200);
  expect(mapped).toEqual({ mappings: 0, bytes: 0 });
  expect(rss).toBeLessThan(RSS_MAX);
}, 120_000);

test('a server starts two hundred times on one port, with clients left open', async () => {
  // A close that waited for the clients would take more than the program may.
  const { left, answers, rss } = await report('restarts.mjs', 200);
  expect(left).toEqual([]);
  expect(answers).toBe(200);
  expect(rss).toBeLessThan(RSS_MAX);
}, 120_000);

test('a child process holds neither port nor connection open', async () => {
  const server = await serve({ hostname: '127.0.0.1', port: 0, raw: (_, reply) => reply.text('') });
  const { port } = server.address() as { port: number };
  const peer = await Peer.connect(port);
  await peer.send(get('/'));
  expect((await peer.response()).status).toBe(200);
  const child = spawn('sleep', ['30']);
  try {
    await once(child, 'spawn');
    await server.close();
    expect(await peer.ended).toBe('fin');
    peer.close();
    const again = await serve({ hostname: '127.0.0.1', port, raw: (_, reply) => reply.text('') });
    await again.close();
  } finally {
    child.kill();
  }
});

test.each(['owner', 'embedded'])(
  'an unreferenced server (%s) lets the process end',
  async (driver) => {
    const program = `
    import { serve } from '@ringbearer/http-server';
    const server = await serve({
      hostname: '127.0.0.1', port: 0, driver: '${driver}', raw: (_, reply) => reply.text('hello'),
    });
    console.log(await (await fetch(server.url)).text());
    server.unref();
  `;
    const args = ['--input-type=module', '--eval', program];
    const { code, stdout, stderr } = await run(process.execPath, args, { msMax: 10_000 });
    expect({ code, stdout: stdout.toString(), stderr }).toEqual({
      code: 0,
      stdout: 'hello\n',
      stderr: '',
    });
  },
);
