// Zero copy as a server does it by itself, over a route that leaves its host: a cable between two network namespaces.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, type TestContext, test } from 'vitest';
import { needs } from './harness/needs.js';
import { run } from './harness/program.js';
import { type HostProgram, TwoHosts } from './harness/two-hosts.js';

const fixture = (name: string): string =>
  fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
const MIB = 1024 * 1024;

let hosts: TwoHosts | undefined;
afterEach(() => {
  hosts?.close();
  hosts = undefined;
});

/** A server and a client on hosts of their own. */
async function meet(context: TestContext, options: object = {}) {
  needs(context, 'ip');
  try {
    hosts = TwoHosts.make();
  } catch (error) {
    context.skip(`two network namespaces cannot be made here: ${(error as Error).message}`);
  }
  const { address } = hosts!;
  const server = hosts!.start('server', process.execPath, [
    fixture('zero-copy-server.mjs'),
    address,
    JSON.stringify(options),
  ]);
  const port = await server.ask();
  const join = async (): Promise<HostProgram> => {
    const client = hosts!.start('client', process.execPath, [
      fixture('zero-copy-client.mjs'),
      address,
      port,
    ]);
    await client.ask();
    return client;
  };
  return { server, join };
}

/** The client's end of the cable does not copy on behalf of the sender: as a network card. */
async function likeACard(context: TestContext): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'xdp-'));
  try {
    const program = path.join(folder, 'xdp-pass');
    execFileSync(needs(context, 'cc'), ['-Wall', '-Werror', '-o', program, fixture('xdp-pass.c')]);
    const said = await hosts!
      .start('client', program, ['cable'])
      .ask()
      .catch((error) => error.message);
    if (said !== 'attached') context.skip(`no XDP program can be attached here: ${said}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Asks until it is as wanted. */
async function until(server: HostProgram, wanted: (stats: Record<string, unknown>) => boolean) {
  for (let round = 0; round < 200; round++) {
    const stats = await server.tell('stats');
    if (wanted(stats)) return stats;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`It never came to that: ${JSON.stringify(await server.tell('stats'))}`);
}

const quiet = (stats: Record<string, unknown>): boolean =>
  stats.connections === 0 && (stats.operations as number) <= 2;

describe('a server with clients on another host', () => {
  test('sends large replies without a copy, several at once, in order with the rest', async (context) => {
    const { server, join } = await meet(context);
    await likeACard(context);
    const client = await join();
    const targets = [
      `/?a,${MIB}`,
      '/?b,10',
      `/?c,${3 * MIB}`,
      `HEAD:/?d,${MIB}`,
      `/stream?e,${MIB / 2}`,
      '/?f,262143',
      '/?g,262144',
      `/?h,${8 * MIB}`,
    ];
    const { replies } = await client.tell(`get ${targets.join(' ')}`);
    expect(replies).toEqual([
      `a${MIB}`,
      'b10',
      `c${3 * MIB}`,
      `HEAD ${MIB}`,
      `e${4 * MIB}`,
      'f262143',
      'g262144',
      `h${8 * MIB}`,
    ]);
    const stats = await until(server, quiet);
    expect(stats).toMatchObject({ zeroCopyPaused: false, sent: 8, lost: 0 });
    expect(stats.zeroCopySends).toBeGreaterThanOrEqual(8);
    // Even there one is copied at times.
    expect(stats.zeroCopyCopied).toBeLessThan((stats.zeroCopySends as number) / 4);
    expect(await server.tell('close')).toMatchObject({ closed: true });
  });

  test('copies again where the way copies: a cable that delivers to the same kernel', async (context) => {
    const { server, join } = await meet(context);
    const client = await join();
    for (let round = 1; round <= 9; round++) {
      const { replies } = await client.tell(`get /?a,${MIB} /?b,${MIB} /?c,${MIB}`);
      expect(replies).toEqual([`a${MIB}`, `b${MIB}`, `c${MIB}`]);
    }
    const stats = await until(server, quiet);
    expect(stats).toMatchObject({ zeroCopyPaused: true, sent: 27 });
    expect(stats.zeroCopySends).toBeLessThan(27);
    expect(stats.zeroCopyCopied).toBeGreaterThanOrEqual(8);
  });

  test('resets one that stops reading, and lets go of what it has not acknowledged', async (context) => {
    const { server, join } = await meet(context, {
      writeTimeoutMs: 500,
      keepAliveTimeoutMs: 60_000,
    });
    await likeACard(context);
    const client = await join();
    await client.tell(`hang /?a,${32 * MIB}`);
    await until(server, ({ zeroCopySends }) => (zeroCopySends as number) > 0);
    expect(await until(server, quiet)).toMatchObject({ lost: 1 });
    const { bytes } = await client.tell('read');
    expect(bytes).toBeLessThan(32 * MIB);
  });

  test('closes in time when one is cut off the net in the middle of a reply', async (context) => {
    const { server, join } = await meet(context);
    await likeACard(context);
    const client = await join();
    await client.tell(`hang /?a,${32 * MIB}`);
    await until(server, ({ zeroCopySends }) => (zeroCopySends as number) > 0);
    hosts!.pull(true);
    // As soon as the interface has given up on what it has: an address that is not answered for takes 3 s.
    expect(await server.tell('close')).toEqual({ closed: true, sent: 0, lost: 1 });
  });

  test('tries nothing below the threshold, whatever it was set to', async (context) => {
    const { server, join } = await meet(context, { minZeroCopyBytes: MIB });
    const client = await join();
    const { replies } = await client.tell(`get /?a,${MIB - 1} /stream?b,${MIB / 2}`);
    expect(replies).toEqual([`a${MIB - 1}`, `b${4 * MIB}`]);
    expect(await until(server, quiet)).toMatchObject({ zeroCopySends: 0, sent: 2 });
    await client.tell(`get /?a,${MIB}`);
    const { zeroCopySends } = await server.tell('stats');
    expect(zeroCopySends).toBeGreaterThan(0);
  });
});

/** What a fixture says, of which nothing goes wrong. */
async function report(name: string, ...args: string[]): Promise<unknown> {
  const { code, signal, stdout, stderr } = await run(process.execPath, [fixture(name), ...args], {
    msMax: 60_000,
  });
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
  return JSON.parse(stdout.toString());
}

test('threads that end while peers have not read: nobody is sent what the memory is used for next', async () => {
  const workers = 10;
  expect(await report('terminated-zero-copy.mjs', String(workers))).toMatchObject({
    left: [],
    cutOff: workers * 6,
    strange: 0,
    mapped: { mappings: 0 },
  });
}, 90_000);

test('the kernel locks no more memory: bytes are copied, and arrive', async (context) => {
  if (process.getuid?.() !== 0) context.skip('needs root to become somebody else');
  needs(context, 'prlimit');
  expect(await report('zero-copy-locked.mjs')).toEqual({ before: 5, after: 0 });
});
