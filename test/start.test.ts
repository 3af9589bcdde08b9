import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { printedPort } from '../scripts/examples.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const DEMO = path.join(ROOT, 'packages/http-server/dist/demo/main.js');

/** From "everything is prepared" to "serving", with room for a busy machine. The aim is 1 s. */
const START_MS_MAX = 5_000;

/** Starts the demo as a person or a service manager does, on a free port, in a process group of its own. */
function start() {
  const child = spawn('npm', ['start'], {
    cwd: ROOT,
    detached: true,
    env: { ...process.env, PORT: '0', HOST: '127.0.0.1', RINGBEARER_SKIP_APT: '1' },
  });
  let output = '';
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  const port = new Promise<number>((resolve, reject) => {
    const listen = (chunk: string) => {
      output += chunk;
      const found = printedPort(output);
      if (found !== null) resolve(found);
    };
    child.stdout.setEncoding('utf8').on('data', listen);
    child.stderr.setEncoding('utf8').on('data', listen);
    ended.then(() => reject(new Error(`it ended without serving:\n${output}`)));
  });
  return { child, port, ended, output: () => output };
}

beforeAll(() => {
  // Nothing to do after "npm test"; otherwise the first start would build, which is not what is measured.
  const { status, stderr } = spawnSync(process.execPath, [path.join(ROOT, 'scripts/build.mjs')], {
    env: { ...process.env, RINGBEARER_SKIP_APT: '1' },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the build failed:\n${stderr}`);
}, 120_000);

test.each(['SIGINT', 'SIGTERM'] as const)(
  'npm start serves, and %s ends it well',
  async (signal) => {
    expect(existsSync(DEMO)).toBe(true);
    const started = performance.now();
    const { child, port, ended, output } = start();
    try {
      const response = await fetch(`http://127.0.0.1:${await port}/`);
      expect(response.status).toBe(200);
      expect((await response.text()).length).toBeGreaterThan(0);
      expect(performance.now() - started).toBeLessThan(START_MS_MAX);
      child.kill(signal);
      expect(await ended).toEqual({ code: 0, signal: null });
      expect(output()).toMatch(/kernel/i);
    } finally {
      if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }
  },
);
