// npm run fuzz -- --seconds 600 --seed 7 --target head: fuzzes the codecs of HTTP/1.1. Without arguments each target for a minute
// from a seed of now. --path repeats what a failure printed.

import { spawn } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { StepError } from './prepare/progress.mjs';
import { main, prepare, ROOT } from './prepare.mjs';

const TARGETS = ['head', 'chunks', 'trailers', 'connection', 'reply'];

/** The environment `http1-fuzz.test.ts` reads. @throws StepError for an argument it would not understand */
export function fuzzEnvironment(args) {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        seconds: { type: 'string', default: '60' },
        seed: { type: 'string' },
        target: { type: 'string' },
        path: { type: 'string' },
      },
    }));
  } catch (error) {
    throw new StepError(error.message);
  }
  const { seconds, seed, target, path: shrunk } = values;
  if (!(Number(seconds) > 0))
    throw new StepError(`--seconds must be a number > 0: current value is ${seconds}`);
  if (seed !== undefined && !/^-?\d+$/.test(seed)) {
    throw new StepError(`--seed must be an integer: current value is ${seed}`);
  }
  if (target !== undefined && !TARGETS.includes(target)) {
    throw new StepError(
      `--target must be one of ${TARGETS.join(', ')}: current value is ${target}`,
    );
  }
  if (shrunk !== undefined && (seed === undefined || target === undefined)) {
    throw new StepError('--path needs the --seed and --target it was printed with');
  }
  return {
    FUZZ_SECONDS: seconds,
    ...(seed === undefined ? {} : { FUZZ_SEED: seed }),
    ...(target === undefined ? {} : { FUZZ_TARGET: target }),
    ...(shrunk === undefined ? {} : { FUZZ_PATH: shrunk }),
  };
}

if (path.resolve(process.argv[1] ?? '') === import.meta.filename) {
  await main(async () => {
    const environment = fuzzEnvironment(process.argv.slice(2));
    await prepare('build');
    const child = spawn(
      process.execPath,
      [
        path.join(ROOT, 'node_modules/vitest/vitest.mjs'),
        'run',
        '--disable-console-intercept=true',
        'http1-fuzz',
      ],
      { cwd: ROOT, env: { ...process.env, ...environment }, stdio: 'inherit' },
    );
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
    child.on('close', (code) => {
      process.exitCode = code ?? 1;
    });
  });
}
