// Issue: under mixed good, slow and hostile clients no good request is lost, and nothing is left. What they do: soak/http/.

import { fileURLToPath } from 'node:url';
import { UringBearer } from '@ringbearer/io-uring-bearer';
import { expect, test } from 'vitest';
import { run } from './harness/program.js';

const MAIN = fileURLToPath(new URL('soak/http/main.mjs', import.meta.url));
const SECONDS = Number(process.env.RINGBEARER_SOAK_SECONDS ?? 12);
/** The warm-up, twice the end of every client, and what the server still waits for. */
const SLACK_SECONDS = 150;

test.for(['io-uring', 'node'])(
  `%s: ${SECONDS} seconds of good, slow and hostile clients lose no good request and leave nothing`,
  { timeout: (SECONDS + SLACK_SECONDS + 10) * 1000 },
  async (runtime, context) => {
    if (runtime === 'io-uring') {
      try {
        await UringBearer.withCapacity({ CoreQueue: 1 }).close();
      } catch (error) {
        context.skip(`io_uring is not usable here: ${(error as Error).message}`);
      }
    }
    const { code, stdout, stderr } = await run(
      process.execPath,
      [MAIN, '--seconds', `${SECONDS}`],
      {
        env: { ...process.env, RINGBEARER_RUNTIME: runtime },
        msMax: (SECONDS + SLACK_SECONDS) * 1000,
      },
    );
    expect(code, stderr).toBe(0);
    const { answers, lost, thrown, deeds, ...rest } = JSON.parse(stdout.toString());
    expect(rest.runtime).toBe(runtime);
    expect(lost).toBe(0);
    expect(answers).toBeGreaterThan(200);
    expect(thrown).toBeGreaterThan(0);
    expect(Object.keys(deeds).length).toBeGreaterThan(12);
  },
);
