/**
 * One run of one program: a fresh process on one core that prints what its work took.
 */
import { spawn } from 'node:child_process';
import { pinnedCommand } from '../../src/machine.mjs';

/**
 * @typedef {object} Outcome
 * @property {number} operations
 * @property {number} seconds
 * @property {number} cpuMicroseconds user and system time of all threads
 * @property {number} checksum
 */

/** Longest a program may take, in milliseconds, for the usual work. */
const TIMEOUT_MS = 120_000;

/** What is kept of a program's output, to say why it failed. */
const OUTPUT_CHARACTERS_MAX = 16_384;

/** The program that runs now, if any: killed on the way out. */
let running;

/**
 * @param {readonly string[]} command
 * @param {number} core
 * @param {number} [timeoutMs]
 * @returns {Promise<Outcome>}
 * @throws {Error} when it fails, prints no outcome, or takes too long
 */
export function runProgram(command, core, timeoutMs = TIMEOUT_MS) {
  const [file, ...args] = pinnedCommand(core, command);
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '', NO_COLOR: '1' },
    });
    running = child;
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output = (output + text).slice(-OUTPUT_CHARACTERS_MAX);
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      errors = (errors + text).slice(-OUTPUT_CHARACTERS_MAX);
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      running = undefined;
      const outcome = code === 0 ? parseOutcome(output) : undefined;
      if (outcome) resolve(outcome);
      else reject(new Error(`${ending(code, signal)}${lastWords(errors)}`));
    });
  });
}

/** Ends the program that runs, without waiting: for the way out. */
export function killProgram() {
  running?.kill('SIGKILL');
}

/**
 * The last line that is an outcome.
 *
 * @param {string} text
 * @returns {Outcome | undefined}
 */
export function parseOutcome(text) {
  const line = text.trim().split('\n').at(-1) ?? '';
  let outcome;
  try {
    outcome = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { operations, seconds, cpuMicroseconds, checksum } = outcome ?? {};
  const positive = [operations, seconds, cpuMicroseconds].every((value) => value > 0);
  if (!positive || !Number.isInteger(checksum)) return undefined;
  return { operations, seconds, cpuMicroseconds, checksum };
}

function ending(code, signal) {
  if (signal) return `was killed by ${signal}`;
  return code === 0 ? 'printed no outcome' : `ended with code ${code}`;
}

function lastWords(text) {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const line = lines.find((candidate) => /^\w*Error\b/.test(candidate)) ?? lines.at(-1);
  return line ? `: ${line.trim()}` : '';
}
