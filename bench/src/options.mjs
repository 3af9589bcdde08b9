/**
 * The bench's command line.
 *
 * @typedef {object} Options
 * @property {number} seconds length of one measurement
 * @property {number} rounds measurements per server and case, interleaved
 * @property {number} connections keep-alive connections wrk holds open
 * @property {string[] | undefined} only names of the peers to run; undefined for all
 * @property {CaseName[]} cases
 * @property {{ server: number, client: number } | undefined} pin cores; undefined to choose
 * @property {{ name: string, command: string[] }[]} extra peers named on the command line
 * @property {string | undefined} json file the whole result is written to
 * @property {boolean} markdown print Markdown tables
 * @property {boolean} install run the peers' own npm install first
 * @property {boolean} help
 *
 * @typedef {'hello' | 'pipelined'} CaseName
 */

/** Requests in one write of the pipelined case: the depth the peers' own benchmarks use. */
export const PIPELINE_DEPTH = 16;

/** @type {readonly CaseName[]} */
export const CASES = ['hello', 'pipelined'];

export const HELP = `npm run bench -- [options]

Measures CPU microseconds per request and requests per second of every server, interleaved in one run,
with the servers on one core and wrk on another.

  --seconds N          length of one measurement (default 3)
  --rounds N           measurements per server, interleaved (default 5)
  --connections N      keep-alive connections (default 64)
  --case NAME          hello or pipelined (${PIPELINE_DEPTH} requests per write); default both
  --only a,b           these servers only; without "limit" there is no ratio
  --peer NAME=COMMAND  one more server, also beside --only: a command that prints "listening PORT"; may be repeated
  --pin SERVER,CLIENT  cores to use; default the first two this process may run on
  --json FILE          write every sample, the summary and the machine to FILE
  --markdown           print Markdown tables
  --install            run "npm --prefix bench install" first, for the servers that need it
  --help               this text
`;

/** A mistake on the command line; its message is for the user. */
export class OptionError extends Error {
  name = 'OptionError';
}

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
    cases: [...CASES],
    pin: undefined,
    extra: [],
    json: undefined,
    markdown: false,
    install: false,
    help: false,
  };
  for (let index = 0; index < args.length; index++) {
    const [name, inline] = splitOnce(args[index], '=');
    const value = () => {
      const given = inline ?? args[++index];
      if (given === undefined || given === '') throw new OptionError(`${name} needs a value`);
      return given;
    };
    const flag = () => {
      if (inline !== undefined) throw new OptionError(`${name} takes no value`);
      return true;
    };
    if (name === '--seconds') options.seconds = wholeNumber(name, value(), 3600);
    else if (name === '--rounds') options.rounds = wholeNumber(name, value(), 1000);
    else if (name === '--connections') options.connections = wholeNumber(name, value(), 10_000);
    else if (name === '--only') options.only = names(name, value());
    else if (name === '--case') options.cases = caseNames(value());
    else if (name === '--pin') options.pin = cores(value());
    else if (name === '--peer') options.extra.push(extraPeer(value()));
    else if (name === '--json') options.json = value();
    else if (name === '--markdown') options.markdown = flag();
    else if (name === '--install') options.install = flag();
    else if (name === '--help' || name === '-h') options.help = flag();
    else throw new OptionError(`unknown option ${name}; --help lists them`);
  }
  return options;
}

/** @returns {[string, string | undefined]} */
function splitOnce(text, separator) {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

function wholeNumber(name, text, max) {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > max) {
    throw new OptionError(
      `${name} must be a whole number from 1 to ${max}: current value is ${text}`,
    );
  }
  return number;
}

function names(option, text) {
  const list = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (list.length === 0) throw new OptionError(`${option} needs at least one name`);
  return [...new Set(list)];
}

function caseNames(text) {
  const list = names('--case', text);
  for (const name of list) {
    if (!CASES.includes(name)) {
      throw new OptionError(`--case must be ${CASES.join(' or ')}: current value is ${name}`);
    }
  }
  return CASES.filter((name) => list.includes(name));
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
