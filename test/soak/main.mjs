// node --expose-gc test/soak/main.mjs --seconds 60 --seed 7 [--episode 12]: prints progress on stderr and the outcome, as JSON, on stdout.

import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { soak } from './soak.mjs';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    episode: { type: 'string' },
    /** For runs where the process is not itself, as under AddressSanitizer. */
    'no-memory-bounds': { type: 'boolean', default: false },
  },
});

function integer(name, text) {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  process.stderr.write(`soak: --${name} must be an integer >= 0: current value is ${text}\n`);
  process.exit(2);
}

if (globalThis.gc === undefined) {
  process.stderr.write('soak: run it as "npm run soak", or with node --expose-gc\n');
  process.exit(2);
}
const seconds = integer('seconds', values.seconds);
const seed = values.seed === undefined ? randomInt(2 ** 32) : integer('seed', values.seed);
const only = values.episode === undefined ? undefined : integer('episode', values.episode);
const log = (line) => process.stderr.write(`soak: ${line}\n`);

log(`seed ${seed}; again with: npm run soak -- --seconds ${seconds} --seed ${seed}`);
process.on('unhandledRejection', (error) => {
  log(`unhandled rejection: ${error?.stack ?? error}`);
  process.exit(1);
});
try {
  const result = await soak({
    seed,
    seconds,
    only,
    log,
    memoryBounds: !values['no-memory-bounds'],
  });
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exit(0);
} catch (error) {
  log(`failed: ${error.message}\n${error.stack}`);
  const episode = /episode (\d+)/.exec(error.message)?.[1] ?? '0';
  log(`again with: npm run soak -- --seconds 30 --seed ${seed} --episode ${episode}`);
  process.exit(1);
}
