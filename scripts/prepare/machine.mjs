// What kind of machine this is: read once, passed as a value, so that every decision made from it can be tested.

import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** The oldest Node.js the packages run on. */
export const NODE_MAJOR_MIN = 20;

/** DEFER_TASKRUN, which the server's loop driver is built on, came with this kernel. */
export const KERNEL_MIN = '6.1';

/** Directories Debian puts programs in that a plain user's PATH may lack. */
const EXTRA_PATH = ['/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin'];

function isFile(file) {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return isFile(file);
  } catch {
    return false;
  }
}

function readOr(file, fallback) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return fallback;
  }
}

/** Reads the machine. `env` and the rest are arguments of the decisions, not of this: it only looks. */
export function readMachine(env = process.env) {
  const search = (env.PATH ?? '').split(':').filter((entry) => entry !== '');
  const nodeInclude = path.join(path.dirname(process.execPath), '..', 'include', 'node');
  const nodedir = env.npm_config_nodedir ?? process.config.variables.nodedir;
  return {
    platform: process.platform,
    nodeVersion: process.versions.node,
    kernel: os.release(),
    osRelease: readOr('/etc/os-release', ''),
    ioUringDisabled: readOr('/proc/sys/kernel/io_uring_disabled', '0').trim(),
    uid: process.getuid?.() ?? 0,
    interactive:
      process.stdin.isTTY === true && process.stderr.isTTY === true && env.CI === undefined,
    skipApt: env.RINGBEARER_SKIP_APT === '1',
    nodeIncludes: [nodeInclude, ...(nodedir ? [path.join(nodedir, 'include', 'node')] : [])],
    hasFile: isFile,
    hasCommand: (name) => search.some((entry) => isExecutable(path.join(entry, name))),
    hasSystemCommand: (name) =>
      [...search, ...EXTRA_PATH].some((entry) => isExecutable(path.join(entry, name))),
  };
}

/** True for Debian and what is made from it. */
export function isDebianLike(osRelease) {
  const field = (key) =>
    new RegExp(`^${key}=(.*)$`, 'm').exec(osRelease)?.[1]?.replaceAll('"', '') ?? '';
  return `${field('ID')} ${field('ID_LIKE')}`
    .split(' ')
    .some((id) => id === 'debian' || id === 'ubuntu');
}

/** Compares dotted versions by number: negative when `a` is older. `6.18.44-deb13` counts as 6.18.44. */
export function compareVersions(a, b) {
  const parse = (text) => (/^\d+(\.\d+)*/.exec(text)?.[0] ?? '0').split('.').map(Number);
  const [left, right] = [parse(a), parse(b)];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Whether the project can run here: `stop` names what makes it impossible, `warn` what will be different.
 *
 * @returns {{ stop: string[], warn: string[] }}
 */
export function judgeMachine(machine) {
  const stop = [];
  const warn = [];
  if (machine.platform !== 'linux') {
    stop.push(
      `io_uring is an interface of the Linux kernel and this is ${machine.platform}: use a Linux machine, container or VM`,
    );
    return { stop, warn };
  }
  if (compareVersions(machine.nodeVersion, `${NODE_MAJOR_MIN}`) < 0) {
    stop.push(`Node.js ${NODE_MAJOR_MIN} or newer is needed: this is ${machine.nodeVersion}`);
  }
  if (compareVersions(machine.kernel, KERNEL_MIN) < 0) {
    warn.push(
      `kernel ${machine.kernel} is older than ${KERNEL_MIN}: the HTTP server's ring wants that one, so it may refuse to start, and ring tests skip`,
    );
  }
  if (machine.ioUringDisabled !== '0' && machine.ioUringDisabled !== '') {
    warn.push(
      `io_uring is restricted here (kernel.io_uring_disabled = ${machine.ioUringDisabled}): without privileges rings cannot be made; "sysctl kernel.io_uring_disabled=0" allows them`,
    );
  }
  return { stop, warn };
}
