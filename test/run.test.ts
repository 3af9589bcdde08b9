// run(): a process that is the server, and its signals.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { bindOnce } from './fixtures/hammer.mjs';
import { get, Peer } from './harness/peer.js';

const app = new URL('./fixtures/worker-app.mjs', import.meta.url).href;
const cwd = fileURLToPath(new URL('..', import.meta.url));
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Runs a server in a process of its own. */
class Running {
  readonly child: ChildProcess;
  readonly exit: Promise<unknown[]>;
  output = '';

  constructor(options: string) {
    const program = `
      import { run } from '@ringbearer/http-server';
      const server = await run({ hostname: '127.0.0.1', port: 0, ${options} });
      console.log(server.address().port);`;
    this.child = spawn(process.execPath, ['--input-type=module', '--eval', program], { cwd });
    children.push(this.child);
    this.exit = once(this.child, 'close');
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.on('data', (chunk) => {
        this.output += chunk;
      });
    }
  }

  async port(): Promise<number> {
    await expect.poll(() => this.output, { timeout: 20_000 }).toMatch(/^\d+\n/);
    return Number.parseInt(this.output, 10);
  }
}

async function threadOf(port: number): Promise<string> {
  const peer = await Peer.connect(port);
  await peer.send(get('/'));
  const { body } = await peer.response();
  peer.close();
  return body.toString();
}

const SLOW = `raw: async (request, reply) => {
  if (request.path === '/slow') await new Promise((resolve) => setTimeout(resolve, Number(new URLSearchParams(request.query).get('ms'))));
  reply.text('0');
}`;
const KINDS: readonly (readonly [string, string])[] = [
  ['workers', `app: '${app}', workers: 2`],
  ['one thread', SLOW],
];

describe.each(KINDS)('run() with %s', (_kind, options) => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s drains', async (signal) => {
    const running = new Running(options);
    const port = await running.port();
    const slow = await Peer.connect(port);
    await slow.send(get('/slow?ms=1500'));
    // The request was taken: one that came after it on another connection has its answer.
    await threadOf(port);
    await new Promise((resolve) => setTimeout(resolve, 200));
    running.child.kill(signal);
    expect((await slow.response()).status).toBe(200);
    slow.close();
    expect(await running.exit).toEqual([0, null]);
    await bindOnce(port);
  });

  test('a second signal does not wait', async () => {
    const running = new Running(options);
    const port = await running.port();
    const slow = await Peer.connect(port);
    await slow.send(get('/slow?ms=60000'));
    await threadOf(port);
    await new Promise((resolve) => setTimeout(resolve, 200));
    running.child.kill('SIGTERM');
    running.child.kill('SIGTERM'); // the same Ctrl-C, passed on by npm
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(running.child.exitCode).toBe(null);
    running.child.kill('SIGTERM');
    expect(await running.exit).toEqual([143, null]);
    slow.close();
    await bindOnce(port);
  });
});

test('run() reloads workers on SIGHUP', async () => {
  const running = new Running(`app: '${app}', workers: 1`);
  const port = await running.port();
  const before = await threadOf(port);
  running.child.kill('SIGHUP');
  await expect.poll(() => threadOf(port), { timeout: 20_000 }).not.toBe(before);
  running.child.kill('SIGTERM');
  expect(await running.exit).toEqual([0, null]);
});

test('run() ends with code 1 and says why when its workers fail for good', async () => {
  const running = new Running(`app: '${app}', workers: 1, onWorkerExit: 'fail'`);
  const peer = await Peer.connect(await running.port());
  await peer.send(get('/exit'));
  expect(await running.exit).toEqual([1, null]);
  expect(running.output).toMatch(/onWorkerExit is 'fail': it ended with code 7/);
  peer.close();
});

test('start() without anybody who waits is not silent when it fails for good', async () => {
  const program = `
    import { start } from '@ringbearer/http-server';
    const server = await start({ hostname: '127.0.0.1', port: 0, app: '${app}', workers: 1, restartLimit: 0, onWorkerError() {} });
    await fetch(server.url + 'exit').catch(() => {});
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { cwd });
  children.push(child);
  let output = '';
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  expect(await once(child, 'close')).toEqual([1, null]);
  expect(output).toMatch(/WORKER_FAILED/);
});
