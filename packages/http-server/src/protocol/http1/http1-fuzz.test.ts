import { describe, expect, test } from 'vitest';
import {
  type FuzzResult,
  fuzzFor,
  fuzzRegressions,
  fuzzSeed,
} from '../../../test-support/fuzz/run.js';
import { TARGETS, type TargetName } from '../../../test-support/fuzz/targets.js';

/** `npm run fuzz` sets these; without them every target runs for a moment, from a seed that is printed. */
const { FUZZ_SECONDS, FUZZ_SEED, FUZZ_TARGET, FUZZ_PATH } = process.env;
const SEED = FUZZ_SEED === undefined ? Date.now() & 0x7fff_ffff : Number(FUZZ_SEED);
const LONG = FUZZ_SECONDS !== undefined || FUZZ_PATH !== undefined;
const TIME_MS = FUZZ_SECONDS === undefined ? 1_000 : Number(FUZZ_SECONDS) * 1_000;
const PROGRESS_MS = 5_000;

const names = (Object.keys(TARGETS) as TargetName[]).filter(
  (name) => FUZZ_TARGET === undefined || FUZZ_TARGET === name,
);

function expectNothing({ runs, failure }: FuzzResult): void {
  if (failure !== null) expect.fail(failure);
  expect(runs).toBeGreaterThan(0);
}

describe.each(names)('fuzz target %s', (name) => {
  test('what was found once stays mended', async () => {
    expectNothing(await fuzzRegressions(name));
  }, 120_000);

  test(`finds nothing from seed ${SEED} on`, { timeout: TIME_MS + 120_000 }, async () => {
    if (FUZZ_PATH !== undefined) {
      expectNothing(await fuzzSeed(name, SEED, undefined, { path: FUZZ_PATH }));
      return;
    }
    let told = performance.now();
    const result = await fuzzFor(name, SEED, TIME_MS, (runs, seed) => {
      if (!LONG || performance.now() - told < PROGRESS_MS) return;
      told = performance.now();
      console.log(`fuzz ${name}: ${runs} inputs, seed ${seed}`);
    });
    console.log(`fuzz ${name}: ${result.runs} inputs from seed ${SEED} on`);
    expectNothing(result);
  });
});

test('a target that is wrong is found, shrunk and told how to repeat', async () => {
  const { head } = TARGETS;
  const { problem } = head;
  const broken = {
    problem: (input: { text: string }) => (input.text.includes('Host') ? 'broken' : null),
  };
  try {
    Object.assign(head, broken);
    const { failure } = await fuzzSeed('head', 1);
    expect(failure).toMatch(/^fuzz head: broken\nminimal input: .*Host/);
    const path = /--target head --seed 1 --path ([\d:]+)/.exec(failure ?? '')?.[1];
    expect((await fuzzSeed('head', 1, undefined, { path: path! })).failure).toContain('broken');
  } finally {
    Object.assign(head, { problem });
  }
});
