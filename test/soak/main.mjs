// node --expose-gc test/soak/main.mjs --seconds 60 --seed 7 [--episode 12]: prints progress on stderr and the outcome, as JSON, on stdout.

import { commandLine } from './command-line.mjs';
import { soak } from './soak.mjs';

const options = commandLine();
if (globalThis.gc === undefined) {
  process.stderr.write('soak: run it as "npm run soak", or with node --expose-gc\n');
  process.exit(2);
}
const { seed, seconds } = options;
const log = (line) => process.stderr.write(`soak: ${line}\n`);

log(`seed ${seed}; again with: npm run soak -- --target ring --seconds ${seconds} --seed ${seed}`);
process.on('unhandledRejection', (error) => {
  log(`unhandled rejection: ${error?.stack ?? error}`);
  process.exit(1);
});
try {
  const result = await soak({ ...options, log });
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exit(0);
} catch (error) {
  log(`failed: ${error.message}\n${error.stack}`);
  const episode = /episode (\d+)/.exec(error.message)?.[1] ?? '0';
  log(`again with: npm run soak -- --target ring --seconds 30 --seed ${seed} --episode ${episode}`);
  process.exit(1);
}
