// Machines without io_uring: programs run on, and one warning says why they run slower.

import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { run } from './harness/program.js';

const app = new URL('./fixtures/worker-app.mjs', import.meta.url).href;
const preload = fileURLToPath(new URL('./fixtures/no-io-uring.cjs', import.meta.url));
const WARNING = /RINGBEARER_NODE_RUNTIME\] RingbearerWarning: (.*)/g;

/** Runs a program where io_uring cannot be had; what it printed, and the warnings on its stderr. */
async function without(reason: string, program: string, env: Record<string, string> = {}) {
  const args = ['--require', preload, '--input-type=module', '--eval', program];
  const { code, stdout, stderr } = await run(process.execPath, args, {
    msMax: 30_000,
    env: { ...process.env, NO_IO_URING: reason, ...env },
  });
  const warnings = [...stderr.matchAll(WARNING)].map(([, text]) => text ?? '');
  return { code, output: stdout.toString(), stderr, warnings };
}

const TWICE = (options = '') => `
  import { serve } from '@ringbearer/http-server';
  for (let i = 0; i < 2; i++) {
    const server = await serve({ hostname: '127.0.0.1', port: 0, ${options} fetch: () => new Response('hello') });
    console.log(server.runtime, server.stats().ring, server.capabilities(), await (await fetch(server.url)).text());
    await server.close();
  }`;

test.each([
  ['EPERM', /\(EPERM\).*(seccomp|io_uring_disabled)/],
  ['ENOSYS', /\(ENOSYS\).*Linux 5.19 or later/],
  ['EINVAL', /\(EINVAL\).*Linux 5.19 or later/],
  ['ENOMEM', /\(ENOMEM\).*ulimit -l/],
  ['missing', /Cannot load the io_uring addon: build it/],
])(
  'serve() where io_uring is not to be had (%s) serves by node:net, and warns once',
  async (reason, cause) => {
    const { code, output, warnings } = await without(reason, TWICE());
    expect({ code, output }).toEqual({ code: 0, output: 'node null null hello\n'.repeat(2) });
    expect(warnings).toEqual([expect.stringMatching(cause)]);
    expect(warnings[0]).toContain('ringbearer doctor');
  },
);

test('nothing is said where node:net was chosen, by the option or the environment', async () => {
  for (const [options, env] of [
    ["runtime: 'node',", {}],
    ['', { RINGBEARER_RUNTIME: 'node' }],
    ["runtime: 'node',", { RINGBEARER_RUNTIME: 'io-uring' }],
  ] as const) {
    const { output, stderr } = await without('EPERM', TWICE(options), env);
    expect({ output, stderr }).toEqual({ output: 'node null null hello\n'.repeat(2), stderr: '' });
  }
});

test('io_uring that was chosen by name and is not to be had is an error', async () => {
  for (const [options, env] of [
    ["runtime: 'io-uring',", { RINGBEARER_RUNTIME: 'node' }],
    ['', { RINGBEARER_RUNTIME: 'io-uring' }],
  ] as const) {
    const { code, output, stderr } = await without('EPERM', TWICE(options), env);
    expect({ code, output }).toEqual({ code: 1, output: '' });
    expect(stderr).toMatch(/RingSetupError: Cannot set up an io_uring \(EPERM\)/);
  }
});

test('a want that node:net has too is an error, not a reason for it', async () => {
  const { code, stderr } = await without('EMFILE', TWICE());
  expect(code).toBe(1);
  expect(stderr).toMatch(/RingSetupError: Cannot set up an io_uring \(EMFILE\).*ulimit -n/);
});

test('an environment that says nothing useful is refused', async () => {
  const { code, stderr } = await without('EPERM', TWICE(), { RINGBEARER_RUNTIME: 'libuv' });
  expect(code).toBe(1);
  expect(stderr).toContain(
    "TypeError: Cannot serve as RINGBEARER_RUNTIME must be 'auto', 'io-uring' or 'node': current value is 'libuv'",
  );
});

const START = `
  import { start } from '@ringbearer/http-server';
  const server = await start({ app: '${app}', workers: 3, hostname: '127.0.0.1', port: 0, onWorkerError() {} });
  console.log((await fetch(server.url)).status, server.stats().workers.length);
  await server.reload();
  console.log((await fetch(server.url)).status, server.stats().ring);
  await server.close();`;

test('start() where io_uring is forbidden serves by node:net in every worker, reloads, and warns once', async () => {
  const { code, output, warnings } = await without('EPERM', START);
  expect({ code, output }).toEqual({ code: 0, output: '200 3\n200 null\n' });
  expect(warnings).toEqual([expect.stringMatching(/\(EPERM\)/)]);
});

test('start() without the addon says what is missing: threads share its sockets', async () => {
  const { code, stderr } = await without('missing', START);
  expect(code).toBe(1);
  expect(stderr).toMatch(/AddonLoadError: Cannot load the io_uring addon: build it/);
});

test('the doctor says so too, and works', async () => {
  const program = `
    import { diagnose, formatDiagnosis } from '@ringbearer/http-server';
    console.log(formatDiagnosis(await diagnose()));`;
  const { code, output } = await without('missing', program);
  expect(code).toBe(0);
  expect(output).toMatch(/PROBLEM.*ADDON_NOT_LOADED/);
  expect(output).toContain('io_uring cannot be used here');
});
