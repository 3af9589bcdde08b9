// In a container whose profile forbids io_uring, by a real filter: what an operator sees, and what goes on all the same.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { needs } from './harness/needs.js';
import { run } from './harness/program.js';

const SOURCE = fileURLToPath(new URL('./fixtures/forbid-io-uring.c', import.meta.url));
const CLI = fileURLToPath(new URL('../packages/http-server/bin/ringbearer.mjs', import.meta.url));
const APP = new URL('./fixtures/worker-app.mjs', import.meta.url).href;
const WARNING = /RINGBEARER_NODE_RUNTIME\] RingbearerWarning: (.*)/g;

const folder = mkdtempSync(path.join(tmpdir(), 'seccomp-'));
const filtered = path.join(folder, 'forbid-io-uring');
let compiled = false;
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(async (context) => {
  if (!compiled) execFileSync(needs(context, 'cc'), ['-Wall', '-Werror', '-o', filtered, SOURCE]);
  compiled = true;
  const { code, stderr } = await run(filtered, ['true']);
  if (code === 75) context.skip(`this machine takes no seccomp filter: ${stderr.trim()}`);
});

/** A program behind the filter. */
async function behind(args: readonly string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await run(filtered, [process.execPath, ...args], {
    msMax: 30_000,
    env: { ...process.env, ...env },
  });
  const warnings = [...stderr.matchAll(WARNING)].map(([, text]) => text ?? '');
  return { code, output: stdout.toString(), stderr, warnings };
}
const program = (text: string): string[] => ['--input-type=module', '--eval', text];

const SERVE = program(`
  import { serve } from '@ringbearer/http-server';
  const server = await serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('hello') });
  console.log(server.runtime, await (await fetch(server.url)).text());
  await server.close();`);

test('serve() serves by node:net, and says once that a profile is why', async () => {
  const { code, output, warnings } = await behind(SERVE);
  expect({ code, output }).toEqual({ code: 0, output: 'node hello\n' });
  expect(warnings).toEqual([
    expect.stringMatching(
      /\(EPERM\): a seccomp profile forbids it.*allow io_uring_setup, io_uring_enter and io_uring_register/,
    ),
  ]);
});

test('serve() that must have io_uring does not start', async () => {
  const { code, output, stderr } = await behind(SERVE, { RINGBEARER_RUNTIME: 'io-uring' });
  expect({ code, output }).toEqual({ code: 1, output: '' });
  expect(stderr).toMatch(/RingSetupError: Cannot set up an io_uring \(EPERM\): a seccomp profile/);
});

test('start() serves in every worker, and warns once for all', async () => {
  const { code, output, warnings } = await behind(
    program(`
      import { start } from '@ringbearer/http-server';
      const server = await start({ app: '${APP}', workers: 3, hostname: '127.0.0.1', port: 0 });
      console.log((await fetch(server.url)).status, server.stats().workers.length);
      await server.close();`),
  );
  expect({ code, output, warnings: warnings.length }).toEqual({
    code: 0,
    output: '200 3\n',
    warnings: 1,
  });
});

test('the doctor names the filter and what to allow', async () => {
  const { code, output } = await behind([CLI, 'doctor']);
  expect(code).toBe(1);
  expect(output).toMatch(/^warning +seccomp +A seccomp filter is active/m);
  expect(output).toMatch(/^PROBLEM +ring-owner .*EPERM\n.*seccomp profile forbids it/m);
});
