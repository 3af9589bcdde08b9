// Runs one long command quietly: a line when it starts, a line while it takes long, its whole output when it fails.

import { spawn } from 'node:child_process';

/** A command still running after this long says so, and again after each such interval. */
export const HEARTBEAT_MS = 15_000;

/** The most output kept of one command; the end is kept, for that is where the error is. */
export const OUTPUT_CHARS_MAX = 200_000;

/** What a child that can phone home, ask for an update or a password is told: do not. */
export const QUIET_ENV = Object.freeze({
  TURBO_TELEMETRY_DISABLED: '1',
  TURBO_NO_UPDATE_NOTIFIER: '1',
  DO_NOT_TRACK: '1',
  NO_UPDATE_NOTIFIER: '1',
  npm_config_update_notifier: 'false',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
});

/** A step that failed for a reason the user can act on: its message is printed without a stack. */
export class StepError extends Error {
  name = 'StepError';
}

export function say(line) {
  process.stderr.write(`ringbearer: ${line}\n`);
}

/** `850 ms`, `1.2 s`, `2 min 5 s`. */
export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/**
 * Runs `command args...` and resolves with `{ code, output }`; never rejects for an exit code.
 *
 * @param {string} title what is being done, for the progress lines
 * @param {{ cwd?: string, env?: Record<string, string | undefined>, stdin?: 'ignore' | 'inherit', stream?: boolean }} options
 *   `stream` passes the output through instead of keeping it
 */
export function run(title, command, args, options = {}) {
  const stream = options.stream ?? process.env.RINGBEARER_VERBOSE === '1';
  const started = performance.now();
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...QUIET_ENV, ...options.env },
      stdio: [options.stdin ?? 'ignore', stream ? 'inherit' : 'pipe', stream ? 'inherit' : 'pipe'],
    });
    const heartbeat = setInterval(() => {
      say(`  still at it: ${title} (${duration(performance.now() - started)})`);
    }, HEARTBEAT_MS);
    const keep = (chunk) => {
      output = (output + chunk).slice(-OUTPUT_CHARS_MAX);
    };
    child.stdout?.setEncoding('utf8').on('data', keep);
    child.stderr?.setEncoding('utf8').on('data', keep);
    const finish = (code) => {
      clearInterval(heartbeat);
      resolve({ code, output, ms: performance.now() - started });
    };
    child.on('error', (error) => {
      keep(`${error.message}\n`);
      finish(127);
    });
    child.on('close', (code, signal) => finish(code ?? (signal === null ? 1 : 128)));
  });
}

/** As {@link run}, announced, and a failure throws a {@link StepError} after printing the command's output. */
export async function step(title, command, args, options = {}) {
  say(`${title} ...`);
  const result = await run(title, command, args, options);
  if (result.code !== 0) {
    if (result.output !== '') process.stderr.write(`${result.output.trimEnd()}\n`);
    const advice = options.advice === undefined ? '' : `\n${options.advice}`;
    throw new StepError(
      `${title}: "${[command, ...args].join(' ')}" exited ${result.code}${advice}`,
    );
  }
  say(`${title}: done in ${duration(result.ms)}`);
  return result;
}
