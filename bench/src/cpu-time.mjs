/**
 * CPU time of a process, all its threads and its children, from /proc.
 *
 * /proc/PID/stat counts in ticks of 10 ms, but keeps the time of threads that ended and splits user from system.
 * The scheduler's own figure, schedstat, counts nanoseconds, for living threads only. The nanoseconds
 * are used unless the ticks show that more was spent; the split comes from the ticks.
 */
import { readdirSync, readFileSync } from 'node:fs';

/**
 * @typedef {object} CpuTime
 * @property {number} userTicks
 * @property {number} systemTicks
 * @property {number | undefined} nanoseconds undefined where the kernel keeps no schedstat
 */

/** Microseconds in a tick: USER_HZ is 100 on every Linux Node runs on. */
const TICK_MICROS = 10_000;

/** Ticks by which both fields together may lag behind: each is rounded down, at both ends. */
const TICK_SLACK = 4;

/** Processes looked at below one server, so that a runaway tree cannot hang the bench. */
const PROCESSES_MAX = 256;

/**
 * @param {number} pid
 * @returns {CpuTime}
 * @throws when the process is gone
 */
export function readCpuTime(pid) {
  /** @type {CpuTime} */
  const sum = { userTicks: 0, systemTicks: 0, nanoseconds: 0 };
  const waiting = [pid];
  for (let seen = 0; seen < waiting.length && seen < PROCESSES_MAX; seen++) {
    const process = waiting[seen];
    try {
      addProcess(process, sum, waiting);
    } catch (error) {
      if (process === pid) throw error; // a child may end while we look
    }
  }
  return sum;
}

function addProcess(pid, sum, waiting) {
  const ticks = parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  sum.userTicks += ticks.user;
  sum.systemTicks += ticks.system;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const spent = tryRead(`/proc/${pid}/task/${thread}/schedstat`);
    const nanoseconds = spent === undefined ? undefined : parseSchedstat(spent);
    if (nanoseconds === undefined || sum.nanoseconds === undefined) sum.nanoseconds = undefined;
    else sum.nanoseconds += nanoseconds;
    const children = tryRead(`/proc/${pid}/task/${thread}/children`) ?? '';
    waiting.push(...children.split(' ').filter(Boolean).map(Number));
  }
}

function tryRead(path) {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

/**
 * User and system ticks of a /proc/PID/stat line, with those of children already waited for (proc(5), fields 14 to 17).
 * The command name, in parentheses, may hold anything, spaces and parentheses too.
 *
 * @param {string} line
 */
export function parseStat(line) {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const [user, system, childUser, childSystem] = fields.slice(11, 15).map(Number);
  return { user: user + childUser, system: system + childSystem };
}

/**
 * Nanoseconds on a CPU, the first field of schedstat.
 *
 * @param {string} line
 */
export function parseSchedstat(line) {
  const field = /^(\d+) \d+ \d+/.exec(line);
  return field ? Number(field[1]) : undefined;
}

/**
 * What was spent between two readings, in microseconds.
 *
 * @param {CpuTime} before
 * @param {CpuTime} after
 * @returns {{ total: number, user: number, system: number }}
 */
export function cpuSpent(before, after) {
  const userTicks = after.userTicks - before.userTicks;
  const ticks = userTicks + after.systemTicks - before.systemTicks;
  const byTicks = ticks * TICK_MICROS;
  const fine =
    after.nanoseconds === undefined || before.nanoseconds === undefined
      ? undefined
      : (after.nanoseconds - before.nanoseconds) / 1000;
  const total = fine === undefined || fine + TICK_SLACK * TICK_MICROS < byTicks ? byTicks : fine;
  const user = ticks > 0 ? (total * userTicks) / ticks : 0;
  return { total, user, system: total - user };
}
