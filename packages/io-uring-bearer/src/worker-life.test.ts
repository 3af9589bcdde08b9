// A Worker that ends, in whatever way, takes its rings with it: no crash, no descriptor, no port left.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

const run = promisify(execFile);
const PROGRAM = fileURLToPath(
  new URL('../test-support/programs/terminations.mjs', import.meta.url),
);
/** Under sanitizers a Worker costs several times as much: a fifth of them. */
const SHARE = process.env.RINGBEARER_ASAN_BUILD === undefined ? 1 : 0.2;

const SCENARIOS: readonly (readonly [string, number])[] = [
  ['idle', 200],
  ['opening', 50],
  ['churning', 25],
  ['in a handler', 10],
  ['leaving', 25],
  ['closing', 25],
];

describe.each(['embedded', 'owner'])('driver %s: a Worker', (driver) => {
  const scenarios = driver === 'owner' ? [...SCENARIOS, ['resizing', 50] as const] : SCENARIOS;
  test.each(scenarios)(
    'that ends while %s, %i times',
    async (scenario, times) => {
      const { stdout, stderr } = await run(
        process.execPath,
        [PROGRAM, driver, scenario, String(times * SHARE)],
        { timeout: 110_000 },
      );
      expect({ ...JSON.parse(stdout), stderr }).toEqual({ fds: 0, taken: 0, stderr: '' });
    },
    120_000,
  );
});
