/**
 * Compiles the limit server when its source is newer than its binary.
 */
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compilerComplaint } from './machine.mjs';

const SOURCE = fileURLToPath(new URL('../limit/limit.c', import.meta.url));
export const LIMIT_BINARY = fileURLToPath(new URL('../limit/limit', import.meta.url));

/** Longest a compiler may take over one file, in milliseconds. */
const COMPILE_TIMEOUT_MS = 60_000;

/**
 * @param {(line: string) => void} say
 * @returns {string | undefined} why there is no limit server; undefined when there is
 */
export function buildLimit(say) {
  if (modified(LIMIT_BINARY) > modified(SOURCE)) return undefined;
  const complaint = compilerComplaint();
  if (complaint) return complaint;
  say('compiling bench/limit/limit.c');
  try {
    execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-o', LIMIT_BINARY, SOURCE, '-luring'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
      timeout: COMPILE_TIMEOUT_MS,
    });
    return undefined;
  } catch (error) {
    return `cc failed: ${String(error.stderr || error.message).trim()}`;
  }
}

function modified(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
