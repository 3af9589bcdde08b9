import fc from 'fast-check';
import { REGRESSIONS } from './regressions.js';
import { TARGETS, type Target, type TargetName } from './targets.js';

/** Inputs of one seed: then the next begins, so that a failure is repeated in seconds. */
export const RUNS_PER_SEED = 2_000;

/** What fuzzing came to. */
export interface FuzzResult {
  readonly runs: number;
  /** What to read and to type when something was found. */
  readonly failure: string | null;
}

const targetOf = (name: TargetName): Target<unknown> => TARGETS[name] as Target<unknown>;

async function failureOf(name: TargetName, input: unknown): Promise<string | null> {
  try {
    return await targetOf(name).problem(input);
  } catch (error) {
    return `thrown: ${String(error)}`;
  }
}

/** The inputs and seeds that found something once. */
export async function fuzzRegressions(name: TargetName): Promise<FuzzResult> {
  const { inputs, seeds } = REGRESSIONS[name];
  let runs = 0;
  for (const input of inputs) {
    const failure = await failureOf(name, input);
    if (failure !== null) return { runs, failure: `${failure}\ninput ${JSON.stringify(input)}` };
    runs++;
  }
  for (const seed of seeds) {
    const result = await fuzzSeed(name, seed, 300);
    runs += result.runs;
    if (result.failure !== null) return { runs, failure: result.failure };
  }
  return { runs, failure: null };
}

/** One seed, up to `runs` inputs. */
export async function fuzzSeed(
  name: TargetName,
  seed: number,
  runs = RUNS_PER_SEED,
  { timeMs = Number.POSITIVE_INFINITY, path = '' } = {},
): Promise<FuzzResult> {
  let last: string | null = null;
  const property = fc.asyncProperty(targetOf(name).input, async (input) => {
    last = await failureOf(name, input);
    return last === null;
  });
  const result = await fc.check(property, {
    seed,
    numRuns: runs,
    ...(path === '' ? {} : { path }),
    ...(timeMs === Number.POSITIVE_INFINITY
      ? {}
      : { interruptAfterTimeLimit: timeMs, markInterruptAsFailure: false }),
  });
  // Without a counterexample the time was over before the first input.
  if (!result.failed || result.counterexample === null) {
    return { runs: result.numRuns, failure: null };
  }
  const [input] = result.counterexample;
  const why = await failureOf(name, input);
  return {
    runs: result.numRuns,
    failure: [
      `fuzz ${name}: ${why ?? last}`,
      `minimal input: ${JSON.stringify(input)}`,
      `repeat: npm run fuzz -- --target ${name} --seed ${seed} --path ${result.counterexamplePath}`,
      'keep it: add the input and the seed to packages/http-server/test-support/fuzz/regressions.ts',
    ].join('\n'),
  };
}

/** Seed after seed until the time is over or something is found. */
export async function fuzzFor(
  name: TargetName,
  seed: number,
  timeMs: number,
  progress: (runs: number, seed: number) => void,
): Promise<FuzzResult> {
  const end = performance.now() + timeMs;
  let runs = 0;
  for (let next = seed; ; next++) {
    const left = end - performance.now();
    if (left <= 0) return { runs, failure: null };
    const result = await fuzzSeed(name, next, RUNS_PER_SEED, { timeMs: left });
    runs += result.runs;
    if (result.failure !== null) return { runs, failure: result.failure };
    progress(runs, next);
  }
}
