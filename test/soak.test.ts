// Issue: no slot, descriptor, buffer, mapping or byte leaks, whatever is done in whatever order. What is done: soak/episode.mjs. A failure
// prints the line that repeats it. "npm run soak -- --seconds 600" does it for longer, RINGBEARER_SOAK_SECONDS within the tests.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { UringBearer } from '@ringbearer/io-uring-bearer';
import { expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('soak/main.mjs', import.meta.url));
const SECONDS = Number(process.env.RINGBEARER_SOAK_SECONDS ?? 60);
/** The warm-up, an episode that is under way, and what the end waits for. */
const SLACK_SECONDS = 120;

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(args: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, ['--expose-gc', MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    stderr += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, stdout, stderr };
}

test(
  `${SECONDS} seconds of random operations leak nothing and lose no byte`,
  async (context) => {
    try {
      await UringBearer.withCapacity({ CoreQueue: 1 }).close();
    } catch (error) {
      context.skip(`io_uring is not usable here: ${(error as Error).message}`);
    }
    const { code, stdout, stderr } = await run(['--seconds', String(SECONDS)]);
    expect(code, stderr).toBe(0);
    const { episodes, completed, noBuffers, thrown, counts } = JSON.parse(stdout);
    // It did what it is for.
    expect(episodes).toBeGreaterThan(12);
    expect(completed).toBeGreaterThan(1000);
    expect(noBuffers).toBeGreaterThan(0);
    expect(thrown).toBeGreaterThan(0);
    expect(counts['Worker terminated']).toBeGreaterThan(0);
  },
  (SECONDS + SLACK_SECONDS) * 1000,
);
