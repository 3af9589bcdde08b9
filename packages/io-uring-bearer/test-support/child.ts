import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));
const PROLOGUE = `
import { UringBearer } from '@ringbearer/io-uring-bearer';
import * as op from '@ringbearer/io-uring-opcode';
const driver = process.argv[1];
const bearerWith = (options = {}, capacity = {}) =>
  UringBearer.withCapacity({ CoreQueue: 16, ...capacity }, { driver, ...options });
const report = (value) => process.stdout.write(JSON.stringify(value) + '\\n');
`;

/** How a program ended, and what it printed. */
export interface Outcome {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Settings of {@link runProgram}. */
export interface ProgramOptions {
  /** Flags for Node.js. */
  readonly flags?: readonly string[];
  /** A program and its arguments to run Node.js under: `['prlimit', '--nofile=20']`. */
  readonly under?: readonly string[];
  /** The process is killed after so long: `signal` is SIGKILL then. */
  readonly msMax?: number;
}

/**
 * Runs a module as a process of its own, against the built packages. It finds `bearerWith(options, capacity)` and everything of
 * io-uring-opcode as `op`, and reports with `report(value)`.
 */
export async function runProgram(
  driver: string,
  source: string,
  options: ProgramOptions = {},
): Promise<Outcome> {
  const { flags = [], under = [], msMax = 20_000 } = options;
  const node = [...flags, '--input-type=module', '-e', PROLOGUE + source, driver];
  const [command, ...args] = [...under, process.execPath, ...node];
  const child = spawn(command!, args, { cwd: FOLDER, stdio: ['ignore', 'pipe', 'pipe'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), msMax);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (...ended) => resolve(ended));
  });
  clearTimeout(timer);
  return { code, signal, stdout, stderr };
}

/** Runs a program that is to end by itself, with exit code 0 and nothing on stderr, and returns what it reported. */
export async function reportOf(
  driver: string,
  source: string,
  options?: ProgramOptions,
): Promise<unknown[]> {
  const { code, signal, stdout, stderr } = await runProgram(driver, source, options);
  if (code !== 0 || signal !== null || stderr !== '') {
    throw new Error(`The program ended with ${code ?? signal}: ${stdout}\n${stderr}`);
  }
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}
