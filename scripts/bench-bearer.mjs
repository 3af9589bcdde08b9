// `npm run bench:bearer`: builds what is missing, then measures. bench/bearer/README.md says what and how.
import { fileURLToPath } from 'node:url';
import { runBench } from '../bench/bearer/src/bench.mjs';
import { HELP, parseOptions } from '../bench/bearer/src/options.mjs';
import { OptionError } from '../bench/src/arguments.mjs';
import { MissingToolError } from '../bench/src/machine.mjs';
import { ensureBuild } from './prepare/build.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

async function main() {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP);
    return true;
  }
  // Figures of a stale build belong to other code. Costs nothing when no source changed.
  await ensureBuild(ROOT);
  return runBench(options);
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  if (!(error instanceof OptionError || error instanceof MissingToolError)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 2;
}
