// `npm run bench:profile`: where a server's JavaScript spends its time. --help lists the options.
import { fileURLToPath } from 'node:url';
import { HELP, parseProfileOptions } from '../bench/profile/options.mjs';
import { runProfile } from '../bench/profile/profile.mjs';
import { OptionError } from '../bench/src/arguments.mjs';
import { MissingToolError } from '../bench/src/machine.mjs';
import { ensureBuild } from './prepare/build.mjs';

try {
  const options = parseProfileOptions(process.argv.slice(2));
  if (options.help) process.stdout.write(HELP);
  else {
    await ensureBuild(fileURLToPath(new URL('..', import.meta.url)));
    await runProfile(options);
  }
} catch (error) {
  const expected = [OptionError, MissingToolError, RangeError];
  if (!expected.some((type) => error instanceof type)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 2;
}
