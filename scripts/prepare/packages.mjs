// System packages: which are missing is decided by looking for their files and commands, so a machine that has them
// some other way is left alone, and a machine that has them all never sees apt.

import { isDebianLike } from './machine.mjs';
import { run, StepError, say, step } from './progress.mjs';

const HEADER_FOLDERS = ['/usr/include', '/usr/local/include'];

const inHeaders = (machine, name) =>
  HEADER_FOLDERS.some((folder) => machine.hasFile(`${folder}/${name}`));

/** Debian package -> what it is for and how to see that it is there. */
export const NEEDS = Object.freeze({
  'liburing-dev': {
    what: 'liburing.h and liburing.a',
    found: (machine) => inHeaders(machine, 'liburing.h'),
  },
  cmake: {
    what: 'CMake, which configures the addon',
    found: (machine) => machine.hasCommand('cmake'),
  },
  'g++': { what: 'the C++20 compiler', found: (machine) => machine.hasCommand('g++') },
  make: { what: 'make, which compiles it', found: (machine) => machine.hasCommand('make') },
  'libuv1-dev': {
    what: "uv.h (normally in the running Node's include folder)",
    found: (machine) =>
      machine.nodeIncludes.some((folder) => machine.hasFile(`${folder}/uv.h`)) ||
      inHeaders(machine, 'uv.h'),
  },
  curl: {
    what: 'a second opinion on HTTP in tests',
    found: (machine) => machine.hasCommand('curl'),
  },
  wrk: { what: 'load in tests and benchmarks', found: (machine) => machine.hasCommand('wrk') },
  strace: {
    what: 'counting system calls in tests',
    found: (machine) => machine.hasCommand('strace'),
  },
  chromium: {
    what: 'a browser in tests',
    found: (machine) => ['chromium', 'chromium-browser', 'google-chrome'].some(machine.hasCommand),
  },
});

const BUILD = ['liburing-dev', 'cmake', 'g++', 'make', 'libuv1-dev'];

/** What each command needs. Tests that want an optional package skip, saying so, when it is missing. */
export const PROFILES = Object.freeze({
  build: { required: BUILD, optional: [] },
  test: { required: BUILD, optional: ['curl', 'wrk', 'strace', 'chromium'] },
});

/** The packages of a profile that are not there. */
export function missingPackages(profile, machine) {
  const lacks = (name) => !NEEDS[name].found(machine);
  const { required, optional } = PROFILES[profile];
  return { required: required.filter(lacks), optional: optional.filter(lacks) };
}

/**
 * How packages can be installed here.
 *
 * @returns {{ how: 'root' | 'sudo' | 'sudo -n' | 'print', reason?: string }}
 */
export function installer(machine) {
  if (machine.skipApt) return { how: 'print', reason: 'RINGBEARER_SKIP_APT=1 is set' };
  if (!isDebianLike(machine.osRelease) || !machine.hasSystemCommand('apt-get')) {
    return { how: 'print', reason: 'this is not a Debian system' };
  }
  if (machine.uid === 0) return { how: 'root' };
  if (!machine.hasSystemCommand('sudo')) {
    return { how: 'print', reason: 'this user is not root and there is no sudo' };
  }
  return { how: machine.interactive ? 'sudo' : 'sudo -n' };
}

/** The command and arguments that run `apt-get args...` in a way that never asks. */
export function aptCommand(how, args) {
  const apt = ['apt-get', '-q', '-o', 'DPkg::Lock::Timeout=300', ...args];
  const env = ['env', 'DEBIAN_FRONTEND=noninteractive'];
  if (how === 'root') return [...env, ...apt];
  return [...how.split(' '), ...env, ...apt];
}

/** What to tell someone whose packages cannot be installed by us. */
export function instructions(machine, packages) {
  const list = packages.map((name) => `  ${name}: ${NEEDS[name].what}`).join('\n');
  if (!isDebianLike(machine.osRelease)) {
    return `needed, by their Debian names (find your system's own):\n${list}`;
  }
  const sudo = machine.uid !== 0 && machine.hasSystemCommand('sudo') ? 'sudo ' : '';
  const who = machine.uid !== 0 && sudo === '' ? 'run as root' : 'run';
  const install = `${sudo}apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  return `needed:\n${list}\n${who}:\n  ${sudo}apt-get update && ${install}`;
}

async function install(how, packages, title) {
  const [update, ...updateArgs] = aptCommand(how, ['update']);
  const [command, ...args] = aptCommand(how, [
    'install',
    '-y',
    '--no-install-recommends',
    ...packages,
  ]);
  const stdin = how === 'sudo' ? 'inherit' : 'ignore';
  if (!install.updated) {
    const result = await run('updating the package lists', update, updateArgs, { stdin });
    // A stale list may still do: the install below says what is really wrong.
    if (result.code !== 0) say(`apt-get update exited ${result.code}: ${lastLine(result.output)}`);
    install.updated = true;
  }
  await step(title, command, args, { stdin });
}
install.updated = false;

function lastLine(output) {
  return output.trim().split('\n').at(-1) ?? '';
}

/**
 * Installs what a profile lacks, or throws with the exact command to run.
 *
 * @param {'build' | 'test'} profile
 */
export async function ensurePackages(profile, machine) {
  const missing = missingPackages(profile, machine);
  const { how, reason } = installer(machine);
  if (missing.required.length > 0) {
    if (how === 'print') {
      throw new StepError(`${reason}; ${instructions(machine, missing.required)}`);
    }
    try {
      await install(how, missing.required, `Installing ${missing.required.join(', ')} with apt`);
    } catch (error) {
      throw new StepError(`${error.message}\n${instructions(machine, missing.required)}`);
    }
    const still = missingPackages(profile, machine).required;
    if (still.length > 0) {
      throw new StepError(
        `apt succeeded, yet this is still missing: ${instructions(machine, still)}`,
      );
    }
  }
  if (missing.optional.length === 0) return;
  const tools = missing.optional.join(', ');
  if (how === 'print') {
    say(`${tools} not found (${reason}): tests that use them skip`);
    return;
  }
  try {
    await install(how, missing.optional, `Installing the test tools ${tools} with apt`);
  } catch (error) {
    say(`${error.message}`);
    say('tests that use them skip');
  }
}
