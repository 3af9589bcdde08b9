/**
 * What this machine is and what the bench needs of it.
 */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, release } from 'node:os';
import { delimiter, join } from 'node:path';

/** Something the bench needs is missing; the message says how to get it. */
export class MissingToolError extends Error {
  name = 'MissingToolError';
}

/**
 * The first executable of this name on PATH.
 *
 * @param {string} name
 * @returns {string | undefined}
 */
export function findTool(name) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not in this folder
    }
  }
  return undefined;
}

/**
 * @param {{ load?: boolean }} [needs] whether a load generator is used. Default true
 * @throws {MissingToolError} without what every run needs
 */
export function checkTools({ load = true } = {}) {
  const missing = [];
  if (process.platform !== 'linux') missing.push('Linux: the bench reads /proc and pins cores');
  if (load && !findTool('wrk')) missing.push('wrk, the load generator: apt-get install wrk');
  if (!findTool('taskset')) missing.push('taskset, to pin cores: apt-get install util-linux');
  if (missing.length > 0) throw new MissingToolError(`missing ${missing.join('\nmissing ')}`);
}

/**
 * Why the limit server cannot be compiled here, with the fix; undefined when it can.
 *
 * @returns {string | undefined}
 */
export function compilerComplaint() {
  if (!findTool('cc')) return 'no C compiler: apt-get install gcc libc6-dev';
  if (!existsSync('/usr/include/liburing.h') && !existsSync('/usr/local/include/liburing.h')) {
    return 'no liburing.h: apt-get install liburing-dev';
  }
  return undefined;
}

/**
 * Reads a kernel list of cores, such as "0-2,5".
 *
 * @param {string} text
 * @returns {number[]}
 */
export function parseCores(text) {
  return text
    .trim()
    .split(',')
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [first, last = first] = part.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
}

/** Cores this process may run on. */
export function allowedCores() {
  const status = readFileSync('/proc/self/status', 'latin1');
  return parseCores(/^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? '0');
}

/**
 * The cores to use: the ones asked for, else the first two allowed, else one for both.
 *
 * @param {{ server: number, client: number } | undefined} asked
 * @param {readonly number[]} allowed
 * @returns {{ server: number, client: number }}
 * @throws {MissingToolError} when a core asked for is not allowed
 */
export function chooseCores(asked, allowed) {
  if (!asked) return { server: allowed[0], client: allowed[1] ?? allowed[0] };
  for (const core of [asked.server, asked.client]) {
    if (!allowed.includes(core)) {
      throw new MissingToolError(`missing core ${core}: this process may use ${allowed.join(',')}`);
    }
  }
  return asked;
}

/**
 * The command on one core. With setpriv the kernel ends it even when the bench is killed. Both exec: the pid stays the
 * command's.
 *
 * @param {number} core
 * @param {readonly string[]} command
 * @returns {[string, ...string[]]}
 */
export function pinnedCommand(core, command) {
  const leash = findTool('setpriv') ? ['setpriv', '--pdeathsig', 'KILL'] : [];
  return [...leash, 'taskset', '-c', String(core), ...command];
}

/** The machine, for the report. */
export function describeMachine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    kernel: release(),
    node: process.version,
  };
}
