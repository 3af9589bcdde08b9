// Brings a machine from a fresh clone to a built tree: system packages, npm dependencies, build. Each part does nothing
// when there is nothing to do. Run alone ("node scripts/prepare.mjs [build|test]") or from start, test and ok.

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuild } from './prepare/build.mjs';
import { judgeMachine, readMachine } from './prepare/machine.mjs';
import { ensureDependencies } from './prepare/npm.mjs';
import { ensurePackages } from './prepare/packages.mjs';
import { StepError, say } from './prepare/progress.mjs';

/** The repository's root folder. */
export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** Everything before the build. */
export async function prepareDependencies(profile) {
  const machine = readMachine();
  const { stop, warn } = judgeMachine(machine);
  if (stop.length > 0) throw new StepError(stop.join('\n'));
  for (const line of warn) say(line);
  await ensurePackages(profile, machine);
  await ensureDependencies(ROOT);
}

/**
 * Everything, for one profile.
 *
 * @param {'build' | 'test'} profile
 */
export async function prepare(profile) {
  await prepareDependencies(profile);
  await ensureBuild(ROOT);
}

/** Runs a script's main function: a {@link StepError} is printed plainly and exits 1, anything else is a bug. */
export async function main(body) {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    say(error.message);
    process.exit(1);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const profile = process.argv[2] === 'test' ? 'test' : 'build';
  await main(() => prepare(profile));
}
