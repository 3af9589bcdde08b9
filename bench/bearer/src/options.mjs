/**
 * The command line of the bearer's bench.
 *
 * @typedef {object} Options
 * @property {number} rounds runs of each program, interleaved
 * @property {string[] | undefined} only names of the programs to run; undefined for all
 * @property {string[]} cases
 * @property {number} percent of the usual work
 * @property {string | undefined} json file the whole result is written to
 * @property {boolean} markdown print Markdown tables
 * @property {boolean} help
 */
import { knownNames, readArguments, wholeNumber } from '../../src/arguments.mjs';
import { CASES, PROGRAM_NAMES } from './cases.mjs';

const CASE_NAMES = CASES.map(({ name }) => name);

export const HELP = `npm run bench:bearer -- [options]

Measures CPU microseconds per operation of the bearer, of C + liburing, and of node:fs and node:net doing the same work:
each program a fresh process on one core, in turns.

  --rounds N       runs of each program, interleaved (default 5)
  --case a,b       ${CASE_NAMES.join(', ')}; default all
  --only a,b       these programs only; without "c" there is no ratio to C. There are
                   ${PROGRAM_NAMES.slice(0, 8).join(', ')},
                   ${PROGRAM_NAMES.slice(8).join(', ')}
  --work PERCENT   less or more than the usual work per run, 1 to 10000 (default 100)
  --json FILE      write every sample, the summary and the machine to FILE
  --markdown       print Markdown tables
  --help           this text
`;

/**
 * @param {readonly string[]} args after the script's name
 * @returns {Options}
 * @throws {import('../../src/arguments.mjs').OptionError} on an unknown option or a value that does not fit
 */
export function parseOptions(args) {
  /** @type {Options} */
  const options = {
    rounds: 5,
    only: undefined,
    cases: [...CASE_NAMES],
    percent: 100,
    json: undefined,
    markdown: false,
    help: false,
  };
  const help = ({ flag }) => {
    options.help = flag();
  };
  readArguments(args, {
    '--rounds': ({ value }) => {
      options.rounds = wholeNumber('--rounds', value(), 1000);
    },
    '--only': ({ value }) => {
      options.only = knownNames('--only', value(), PROGRAM_NAMES);
    },
    '--case': ({ value }) => {
      options.cases = knownNames('--case', value(), CASE_NAMES);
    },
    '--work': ({ value }) => {
      options.percent = wholeNumber('--work', value(), 10_000);
    },
    '--json': ({ value }) => {
      options.json = value();
    },
    '--markdown': ({ flag }) => {
      options.markdown = flag();
    },
    '--help': help,
    '-h': help,
  });
  return options;
}
