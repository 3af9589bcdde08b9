import { describe, expect, test } from 'vitest';
import { aptCommand, installer, instructions, missingPackages } from './packages.mjs';

const DEBIAN = 'ID=debian\n';

/** A machine with exactly these files and commands. */
const machine = ({ files = [], commands = [], ...rest } = {}) => ({
  osRelease: DEBIAN,
  uid: 1000,
  interactive: false,
  skipApt: false,
  nodeIncludes: ['/opt/node/include/node'],
  hasFile: (file) => files.includes(file),
  hasCommand: (name) => commands.includes(name),
  hasSystemCommand: (name) => ['apt-get', ...commands].includes(name),
  ...rest,
});

const BUILT = {
  files: ['/usr/include/liburing.h', '/opt/node/include/node/uv.h'],
  commands: ['cmake', 'g++', 'make'],
};

describe('missingPackages()', () => {
  test('names everything on a bare machine', () => {
    expect(missingPackages('build', machine()).required).toEqual([
      'liburing-dev',
      'cmake',
      'g++',
      'make',
      'libuv1-dev',
    ]);
  });

  test('names nothing when all is there, however it came', () => {
    const files = ['/usr/local/include/liburing.h', '/usr/include/uv.h'];
    expect(missingPackages('build', machine(BUILT)).required).toEqual([]);
    expect(missingPackages('build', machine({ ...BUILT, files })).required).toEqual([]);
  });

  test('wants libuv1-dev only when no uv.h is found', () => {
    const files = ['/usr/include/liburing.h'];
    expect(missingPackages('build', machine({ ...BUILT, files })).required).toEqual(['libuv1-dev']);
  });

  test('takes the tools of the test profile for optional', () => {
    const commands = [...BUILT.commands, 'curl', 'google-chrome'];
    expect(missingPackages('test', machine({ ...BUILT, commands }))).toEqual({
      required: [],
      optional: ['wrk', 'strace'],
    });
  });
});

describe('installer()', () => {
  test('is apt itself for root', () => {
    expect(installer(machine({ uid: 0 }))).toEqual({ how: 'root' });
  });

  test('never lets sudo ask where nobody can answer', () => {
    expect(installer(machine({ commands: ['sudo'] }))).toEqual({ how: 'sudo -n' });
    expect(installer(machine({ commands: ['sudo'], interactive: true }))).toEqual({ how: 'sudo' });
  });

  test('prints instead without sudo, without apt, or when told to', () => {
    expect(installer(machine()).how).toBe('print');
    expect(installer(machine({ uid: 0, osRelease: 'ID=fedora\n' })).how).toBe('print');
    expect(installer(machine({ uid: 0, skipApt: true })).reason).toContain('RINGBEARER_SKIP_APT');
  });
});

test('aptCommand() sets the frontend behind sudo, where the environment is reset', () => {
  const [command, ...args] = aptCommand('sudo -n', ['update']);
  expect(command).toBe('sudo');
  expect(args.slice(0, 3)).toEqual(['-n', 'env', 'DEBIAN_FRONTEND=noninteractive']);
  expect(aptCommand('root', ['update'])[0]).toBe('env');
});

describe('instructions()', () => {
  test('is a command that can be pasted', () => {
    expect(instructions(machine({ commands: ['sudo'] }), ['cmake', 'make'])).toContain(
      'sudo apt-get update && sudo apt-get install -y --no-install-recommends cmake make',
    );
    expect(instructions(machine({ uid: 0 }), ['cmake'])).not.toContain('sudo');
    expect(instructions(machine(), ['cmake'])).toContain('run as root:\n  apt-get update');
  });

  test('names what is needed where apt is not', () => {
    const text = instructions(machine({ osRelease: 'ID=arch\n' }), ['liburing-dev']);
    expect(text).toContain('liburing.h');
    expect(text).not.toContain('apt-get');
  });
});
