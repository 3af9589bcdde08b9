/**
 * One run of wrk, pinned to its core.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { caseOf } from './cases.mjs';
import { parseWrk } from './wrk-output.mjs';

const REQUEST = fileURLToPath(new URL('../load/request.lua', import.meta.url));

/** How much longer than asked wrk may take before it is killed, in milliseconds. */
const GRACE_MS = 15_000;

/** The wrk that runs now, if any: killed on the way out. */
let running;

/**
 * @param {object} run
 * @param {number} run.port
 * @param {number} run.core
 * @param {number} run.seconds
 * @param {number} run.connections
 * @param {string} run.case name of a case
 * @returns {Promise<import('./wrk-output.mjs').WrkReport>}
 * @throws {Error} when wrk fails, or no request was answered
 */
export async function runLoad(run) {
  const url = `http://127.0.0.1:${run.port}/`;
  const wrk = ['wrk', '-t1', `-c${run.connections}`, `-d${run.seconds}s`, '--latency'];
  const { method, path, bodyBytes, depth, close } = caseOf(run.case);
  const script = [
    '-s',
    REQUEST,
    url,
    '--',
    method,
    path,
    bodyBytes,
    depth,
    close ? 'close' : 'keep',
  ];
  // Without a script wrk makes a plain GET cheaper.
  const plain = method === 'GET' && depth === 1 && !close;
  const what = plain ? [url.slice(0, -1) + path] : script;
  const args = ['-c', run.core, ...wrk, ...what].map(String);
  const { output, ended } = await collect('taskset', args, run.seconds * 1000 + GRACE_MS);
  const report = parseWrk(output);
  if (!report) throw new Error(`wrk ${ended}: ${output.trim().split('\n').at(-1) || 'no output'}`);
  if (report.requests === 0) throw new Error('wrk got no answer');
  // wrk spreads its correction for coordinated omission over requests, not writes: percentiles of a batch are wrong.
  if (depth > 1) report.p99Micros = undefined;
  return report;
}

function collect(file, args, timeoutMs) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    running = child;
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        output += text;
      });
    }
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      running = undefined;
      resolve({ output, ended: signal ? `was killed by ${signal}` : `ended with code ${code}` });
    });
  });
}

/** Ends the wrk that runs now. */
export function killLoad() {
  running?.kill('SIGKILL');
}
