// The options of `npm run soak` and of the programs it starts, one for each target.

import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

/** What can be soaked, and the program that does it: it takes these options too, but for `--target`. */
export const TARGETS = {
  ring: 'test/soak/main.mjs',
  http: 'test/soak/http/main.mjs',
};

const OPTIONS = {
  target: { type: 'string' },
  seconds: { type: 'string', default: '60' },
  seed: { type: 'string' },
  episode: { type: 'string' },
  /** For runs where the process is not itself, as under AddressSanitizer. */
  'no-memory-bounds': { type: 'boolean', default: false },
};

/**
 * @returns `targets`: names of {@link TARGETS}, all by default; `seconds` for each; `seed`, a random one by default; `only`: the episode
 *   to repeat; `memoryBounds`
 * @throws {RangeError | TypeError} an option that cannot be, in words for whoever typed it
 */
export function readCommandLine(args) {
  const { values } = parseArgs({ args, options: OPTIONS });
  const { target, seed, episode } = values;
  const names = Object.keys(TARGETS);
  if (target !== undefined && !names.includes(target)) {
    throw new RangeError(`--target must be ${names.join(' or ')}: current value is ${target}`);
  }
  return {
    targets: target === undefined ? names : [target],
    seconds: integer('seconds', values.seconds),
    seed: seed === undefined ? randomInt(2 ** 32) : integer('seed', seed),
    only: episode === undefined ? undefined : integer('episode', episode),
    memoryBounds: !values['no-memory-bounds'],
  };
}

/** The arguments with which a target's program is started. */
export function targetArguments({ seconds, seed, only, memoryBounds }) {
  return [
    ...['--seconds', `${seconds}`, '--seed', `${seed}`],
    ...(only === undefined ? [] : ['--episode', `${only}`]),
    ...(memoryBounds ? [] : ['--no-memory-bounds']),
  ];
}

/** {@link readCommandLine}, or the end of the process with what is wrong. */
export function commandLine() {
  try {
    return readCommandLine(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`soak: ${error.message}\n`);
    process.exit(2);
  }
}

function integer(name, text) {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new RangeError(`--${name} must be an integer >= 0: current value is ${text}`);
}
