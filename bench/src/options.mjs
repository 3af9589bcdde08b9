/**
 * The bench's command line.
 *
 * @typedef {object} Options
 * @property {number} seconds length of one measurement
 * @property {number} rounds measurements per server and case, interleaved
 * @property {number} connections keep-alive connections wrk holds open
 * @property {string[] | undefined} only names of the peers to run; undefined for all
 * @property {string[]} cases names
 * @property {{ server: number, client: number } | undefined} pin cores; undefined to choose
 * @property {{ name: string, command: string[] }[]} extra peers named on the command line
 * @property {string | undefined} json file the whole result is written to
 * @property {string | undefined} svg file the plot is written to
 * @property {boolean} markdown print Markdown tables
 * @property {boolean} install run the peers' own npm install first
 * @property {boolean} help
 */

import {
  knownNames,
  names,
  OptionError,
  readArguments,
  splitOnce,
  wholeNumber,
} from './arguments.mjs';
import { CASE_NAMES } from './cases.mjs';

export { OptionError };

/** Cases that are measured unless said otherwise. */
const DEFAULT_CASES = ['hello', 'pipelined'];

export const HELP = `npm run bench -- [options]

Measures CPU microseconds per request and requests per second of every server, interleaved in one run,
with the servers on one core and wrk on another.

  --seconds N          length of one measurement (default 3)
  --rounds N           measurements per server, interleaved (default 5)
  --connections N      keep-alive connections (default 64)
  --case a,b           ${CASE_NAMES.join(', ')}
                       or all; default ${DEFAULT_CASES.join(', ')}
  --only a,b           these servers only; without "limit" there is no ratio
  --peer NAME=COMMAND  one more server, also beside --only: a command that prints "listening PORT"; may be repeated
  --pin SERVER,CLIENT  cores to use; default the first two this process may run on
  --json FILE          write every sample, the summary and the machine to FILE
  --svg FILE           draw CPU per request by server and case to FILE
  --markdown           print Markdown tables
  --install            run "npm --prefix bench install" first, for the servers that need it
  --help               this text
`;

/**
 * Parses the arguments after the script's name; takes `--name value` and `--name=value`.
 *
 * @param {readonly string[]} args
 * @returns {Options}
 * @throws {OptionError} on an unknown option or a value that does not fit
 */
export function parseOptions(args) {
  /** @type {Options} */
  const options = {
    seconds: 3,
    rounds: 5,
    connections: 64,
    only: undefined,
    cases: [...DEFAULT_CASES],
    pin: undefined,
    extra: [],
    json: undefined,
    svg: undefined,
    markdown: false,
    install: false,
    help: false,
  };
  const help = ({ flag }) => {
    options.help = flag();
  };
  readArguments(args, {
    '--seconds': ({ value }) => {
      options.seconds = wholeNumber('--seconds', value(), 3600);
    },
    '--rounds': ({ value }) => {
      options.rounds = wholeNumber('--rounds', value(), 1000);
    },
    '--connections': ({ value }) => {
      options.connections = wholeNumber('--connections', value(), 10_000);
    },
    '--only': ({ value }) => {
      options.only = names('--only', value());
    },
    '--case': ({ value }) => {
      const asked = value();
      options.cases = asked === 'all' ? [...CASE_NAMES] : knownNames('--case', asked, CASE_NAMES);
    },
    '--pin': ({ value }) => {
      options.pin = cores(value());
    },
    '--peer': ({ value }) => options.extra.push(extraPeer(value())),
    '--json': ({ value }) => {
      options.json = value();
    },
    '--svg': ({ value }) => {
      options.svg = value();
    },
    '--markdown': ({ flag }) => {
      options.markdown = flag();
    },
    '--install': ({ flag }) => {
      options.install = flag();
    },
    '--help': help,
    '-h': help,
  });
  return options;
}

function cores(text) {
  const match = /^(\d+),(\d+)$/.exec(text);
  if (!match)
    throw new OptionError(`--pin must be SERVER,CLIENT like 0,1: current value is ${text}`);
  return { server: Number(match[1]), client: Number(match[2]) };
}

function extraPeer(text) {
  const [name, command] = splitOnce(text, '=');
  const words = (command ?? '').split(/\s+/).filter((word) => word !== '');
  if (!/^[\w.-]+$/.test(name) || words.length === 0) {
    throw new OptionError(`--peer must be NAME=COMMAND: current value is ${text}`);
  }
  return { name, command: words };
}
