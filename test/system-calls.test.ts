import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { Demo } from './harness/demo.js';
import { needs } from './harness/needs.js';
import { run } from './harness/program.js';

/** What a server that does not use io_uring makes for every request or connection. */
const CLASSIC = [
  'accept',
  'accept4',
  'recv',
  'recvfrom',
  'recvmsg',
  'readv',
  'send',
  'sendto',
  'sendmsg',
  'sendmmsg',
  'writev',
  'epoll_ctl',
  'shutdown',
];
/** What a process makes of these anyway: starting, loading modules, talking to its own threads. */
const CONSTANT_MAX = 600;

/** The table that `strace -c` writes: call -> how often. */
function counts(table: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of table.split('\n')) {
    const match = /^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?([a-z]\w*)$/.exec(line);
    if (match !== null) found.set(match[2]!, Number(match[1]));
  }
  return found;
}

test('strace sees requests go through io_uring_enter and nothing else', async (context) => {
  const strace = needs(context, 'strace');
  const wrk = needs(context, 'wrk');
  const allowed = await run(strace, ['-c', '-o', '/dev/null', 'true']);
  if (allowed.code !== 0) context.skip(`strace may not trace here: ${allowed.stderr.trim()}`);

  const folder = mkdtempSync(path.join(tmpdir(), 'ringbearer-strace-'));
  const table = path.join(folder, 'counts');
  const demo = await Demo.start([strace, '-f', '-c', '-o', table]);
  try {
    const { stdout } = await run(wrk, ['-t1', '-c64', '-d3s', `${demo.url}/text`]);
    const closing = await run(wrk, [
      '-t1',
      '-c16',
      '-d1s',
      '-H',
      'Connection: close',
      `${demo.url}/text`,
    ]);
    for (const report of [stdout, closing.stdout]) {
      expect(report.toString()).not.toMatch(/Non-2xx/);
    }
    const { requests } = await demo.stats();
    // strace passes no signal on; the demo is its only child.
    const pid = Number(
      readFileSync(`/proc/${demo.process.pid}/task/${demo.process.pid}/children`, 'utf8').trim(),
    );
    process.kill(pid, 'SIGTERM');
    expect((await demo.ended).code).toBe(0);

    const calls = counts(readFileSync(table, 'utf8'));
    expect(requests).toBeGreaterThan(10_000);
    const enters = calls.get('io_uring_enter') ?? 0;
    console.log(
      `${requests} requests: ${[...calls]
        .slice(0, 8)
        .map(([name, count]) => `${name} ${count}`)
        .join(', ')}`,
    );
    expect(enters).toBeGreaterThan(0);
    expect(enters).toBeLessThan(requests);
    for (const name of CLASSIC) {
      expect(calls.get(name) ?? 0, name).toBeLessThanOrEqual(CONSTANT_MAX);
    }
    for (const name of ['read', 'write', 'close', 'epoll_wait', 'epoll_pwait']) {
      expect(calls.get(name) ?? 0, name).toBeLessThan(requests / 5);
    }
  } finally {
    demo.process.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
