/**
 * Compiles a C program when one of its sources is newer than its binary.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { compilerComplaint } from './machine.mjs';

/** Longest a compiler may take over one file, in milliseconds. */
const COMPILE_TIMEOUT_MS = 60_000;

/**
 * @param {readonly string[]} sources the program, then what it includes
 * @param {string} binary
 * @param {(line: string) => void} say
 * @returns {string | undefined} why there is no binary; undefined when there is
 */
export function compile(sources, binary, say) {
  if (modified(binary) > Math.max(...sources.map(modified))) return undefined;
  const complaint = compilerComplaint();
  if (complaint) return complaint;
  say(`compiling ${basename(sources[0])}`);
  mkdirSync(dirname(binary), { recursive: true });
  try {
    execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-o', binary, sources[0], '-luring'], {
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
