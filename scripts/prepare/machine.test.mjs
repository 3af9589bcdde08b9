import { describe, expect, test } from 'vitest';
import { compareVersions, isDebianLike, judgeMachine, readMachine } from './machine.mjs';

const good = {
  platform: 'linux',
  nodeVersion: '20.19.0',
  kernel: '6.1.0-18-amd64',
  ioUringDisabled: '0',
};

describe('judgeMachine()', () => {
  test('finds nothing to say about a machine that fits', () => {
    expect(judgeMachine(good)).toEqual({ stop: [], warn: [] });
  });

  test('stops where there is no Linux, naming what there is', () => {
    expect(judgeMachine({ ...good, platform: 'darwin' }).stop).toEqual([
      expect.stringContaining('darwin'),
    ]);
  });

  test('stops on an old Node.js', () => {
    expect(judgeMachine({ ...good, nodeVersion: '18.20.4' }).stop).toEqual([
      expect.stringContaining('18.20.4'),
    ]);
  });

  test('warns about an old kernel and says what happens instead', () => {
    const { stop, warn } = judgeMachine({ ...good, kernel: '5.15.0-91-generic' });
    expect(stop).toEqual([]);
    expect(warn).toEqual([expect.stringMatching(/5\.15\.0.*may refuse to start/)]);
  });

  test('warns when io_uring is switched off', () => {
    expect(judgeMachine({ ...good, ioUringDisabled: '2' }).warn).toEqual([
      expect.stringContaining('io_uring_disabled = 2'),
    ]);
  });
});

test('compareVersions() compares by number and ignores suffixes', () => {
  expect(compareVersions('6.18.44-deb13', '6.2')).toBeGreaterThan(0);
  expect(compareVersions('6.1', '6.1.0-18-amd64')).toBe(0);
  expect(compareVersions('5.19', '6.0')).toBeLessThan(0);
});

test('isDebianLike() knows Debian and what is made from it', () => {
  expect(isDebianLike('PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\n')).toBe(true);
  expect(isDebianLike('ID=linuxmint\nID_LIKE="ubuntu debian"\n')).toBe(true);
  expect(isDebianLike('ID="fedora"\nID_LIKE="rhel"\n')).toBe(false);
  expect(isDebianLike('')).toBe(false);
});

test('readMachine() looks for commands in PATH only', () => {
  const machine = readMachine({ PATH: '/nowhere' });
  expect(machine.hasCommand('node')).toBe(false);
  expect(machine.hasSystemCommand('sh')).toBe(true);
});
