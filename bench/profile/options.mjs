/**
 * The command line of the profiler.
 *
 * @typedef {object} ProfileOptions
 * @property {string} server name of a server that is a program of Node.js
 * @property {string} case name
 * @property {number} seconds
 * @property {number} connections
 * @property {string} out folder for the files
 * @property {boolean} help
 */

import { knownNames, readArguments, wholeNumber } from '../src/arguments.mjs';
import { CASE_NAMES } from '../src/cases.mjs';

export const HELP = `npm run bench:profile -- [options]

Runs one server under load with V8's sampling profiler on, prints where its JavaScript spends its time for each request, and writes
a flame graph and a .cpuprofile.

  --server NAME        a server of the bench that Node.js runs (default ringbearer-raw)
  --case NAME          ${CASE_NAMES.join(', ')}; default hello
  --seconds N          length of the profile (default 5)
  --connections N      keep-alive connections (default 64)
  --out FOLDER         where the files go (default .cache/profiles)
  --help               this text

"native" is an addon's code and the kernel's, whatever name V8 has for it: perf record -g shows what they do.
`;

/**
 * @param {readonly string[]} args
 * @returns {ProfileOptions}
 * @throws {import('../src/arguments.mjs').OptionError} on an unknown option or a value that does not fit
 */
export function parseProfileOptions(args) {
  const options = {
    server: 'ringbearer-raw',
    case: 'hello',
    seconds: 5,
    connections: 64,
    out: '.cache/profiles',
    help: false,
  };
  readArguments(args, {
    '--server': ({ value }) => {
      options.server = value();
    },
    '--case': ({ value }) => {
      [options.case] = knownNames('--case', value(), CASE_NAMES);
    },
    '--seconds': ({ value }) => {
      options.seconds = wholeNumber('--seconds', value(), 600);
    },
    '--connections': ({ value }) => {
      options.connections = wholeNumber('--connections', value(), 10_000);
    },
    '--out': ({ value }) => {
      options.out = value();
    },
    '--help': ({ flag }) => {
      options.help = flag();
    },
  });
  return options;
}
