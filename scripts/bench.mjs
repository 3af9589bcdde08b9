// `npm run bench`: builds what is missing, then measures. bench/README.md says what and how.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { runBench } from '../bench/src/bench.mjs';
import { MissingToolError } from '../bench/src/machine.mjs';
import { HELP, OptionError, parseOptions } from '../bench/src/options.mjs';
import { OURS } from '../bench/src/peers.mjs';
import { ensureBuild } from './prepare/build.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

function npm(...args) {
  process.stderr.write(`bench: npm ${args.join(' ')}\n`);
  const { status } = spawnSync('npm', args, { cwd: ROOT, stdio: ['ignore', 2, 2] });
  if (status !== 0) process.stderr.write(`bench: npm ${args.join(' ')} failed\n`);
}

async function main() {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP);
    return true;
  }
  const wantsOurs = !options.only || options.only.some((name) => OURS.includes(name));
  // Figures of a stale build belong to other code. Costs nothing when no source changed.
  if (wantsOurs) await ensureBuild(ROOT);
  if (options.install) npm('--prefix', 'bench', 'install');
  return runBench(options);
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  const expected = [OptionError, MissingToolError, RangeError].some(
    (kind) => error instanceof kind,
  );
  if (!expected) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 2;
}
