/**
 * Resident memory of a server for each idle keep-alive connection: what it grew by while they were opened, each having made one request.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runLoad } from './load.mjs';
import { pinnedCommand } from './machine.mjs';

const CLIENT = fileURLToPath(new URL('../load/idle-client.mjs', import.meta.url));

/** Requests before the first look, so that code and young heap are there already. */
const WARM_UP_SECONDS = 3;
/** Between the last answer and the look: collectors that run when idle have their turn. In milliseconds. */
const SETTLE_MS = 3000;

/**
 * Resident bytes of a process, from /proc/PID/status (proc(5), VmRSS in KiB).
 *
 * @param {number} pid
 * @returns {number}
 */
export function residentBytes(pid) {
  return parseResident(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

/** @param {string} status the text of /proc/PID/status */
export function parseResident(status) {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(status);
  if (!match) throw new Error('/proc/PID/status has no VmRSS');
  return Number(match[1]) * 1024;
}

/**
 * @param {{ pid: number, port: number }} server
 * @param {number} connections
 * @param {number} core where the client runs
 * @returns {Promise<number>} bytes a connection
 */
export async function idleBytes(server, connections, core) {
  const load = {
    case: 'hello',
    port: server.port,
    core,
    seconds: WARM_UP_SECONDS,
    connections: 64,
  };
  await runLoad(load);
  await settle();
  const before = residentBytes(server.pid);
  const [file, ...args] = pinnedCommand(core, [process.execPath, CLIENT, server.port, connections]);
  const client = spawn(file, args.map(String), { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => client.once('exit', resolve));
  const line = async () => {
    const text = await Promise.race([once(client.stdout, 'data'), ended.then(() => [''])]);
    return String(text[0]).trim();
  };
  try {
    if ((await line()) !== 'held') throw new Error(`could not open ${connections} connections`);
    await settle();
    const bytes = (residentBytes(server.pid) - before) / connections;
    client.stdin.write('\n');
    const open = await line();
    if (open !== `open ${connections}`) throw new Error(`${open} of ${connections} connections`);
    return bytes;
  } finally {
    client.stdin.end();
    await ended;
  }
}

function settle() {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}
