import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { cpuQuota, withinQuota } from './cpu-quota.js';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A tree with these files. */
function tree(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(path.join(os.tmpdir(), 'quota-'));
  folders.push(root);
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(root, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return root;
}

const V2 = '36 25 0:31 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n';
const V1 = '40 25 0:33 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n';

describe('cpuQuota()', () => {
  test.each<[string, Readonly<Record<string, string>>, number]>([
    ['nothing to read', {}, Number.POSITIVE_INFINITY],
    [
      'no limit',
      {
        'proc/self/cgroup': '0::/user.slice\n',
        'proc/self/mountinfo': V2,
        'sys/fs/cgroup/user.slice/cpu.max': 'max 100000\n',
      },
      Number.POSITIVE_INFINITY,
    ],
    [
      'a service of systemd',
      {
        'proc/self/cgroup': '0::/system.slice/app.service\n',
        'proc/self/mountinfo': V2,
        'sys/fs/cgroup/system.slice/app.service/cpu.max': '350000 100000\n',
      },
      3.5,
    ],
    [
      'a limit of a group above that is lower',
      {
        'proc/self/cgroup': '0::/pods/one/two\n',
        'proc/self/mountinfo': V2,
        'sys/fs/cgroup/pods/cpu.max': '50000 25000\n',
        'sys/fs/cgroup/pods/one/cpu.max': 'max 100000\n',
        'sys/fs/cgroup/pods/one/two/cpu.max': '800000 100000\n',
      },
      2,
    ],
    [
      'a container with a namespace of its own, whose root has the limit',
      {
        'proc/self/cgroup': '0::/\n',
        'proc/self/mountinfo': V2,
        'sys/fs/cgroup/cpu.max': '200000 100000\n',
      },
      2,
    ],
    [
      'version 1',
      {
        'proc/self/cgroup': '4:memory:/a\n3:cpu,cpuacct:/a\n0::/\n',
        'proc/self/mountinfo': `${V2}${V1}`,
        'sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us': '150000\n',
        'sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us': '100000\n',
        'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1\n',
        'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
      },
      1.5,
    ],
    [
      'version 1 in a container, where the group itself is mounted',
      {
        'proc/self/cgroup': '3:cpu,cpuacct:/docker/0123\n',
        'proc/self/mountinfo': V1.replace(' / ', ' /docker/0123 '),
        'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '400000\n',
        'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
      },
      4,
    ],
    [
      'a mount of another container',
      {
        'proc/self/cgroup': '0::/../other\n',
        'proc/self/mountinfo': V2.replace('/sys/fs/cgroup', '/mnt/c\\040g'),
        'mnt/c g/cpu.max': '100000 100000\n',
      },
      1,
    ],
    [
      'nonsense',
      {
        'proc/self/cgroup': 'x\n::\n0::\n',
        'proc/self/mountinfo': ' - \na - cgroup2\n\n',
        'sys/fs/cgroup/cpu.max': 'two of three',
      },
      Number.POSITIVE_INFINITY,
    ],
  ])('%s', (_what, files, quota) => {
    expect(cpuQuota(tree(files))).toBe(quota);
  });

  test('of the kernel, of a real group', (context) => {
    const group = `/sys/fs/cgroup/cpu/ringbearer-${process.pid}`;
    try {
      // Version 1 may be tried anywhere; of version 2 a group that has processes has no groups with controllers.
      if (!readFileSync('/proc/self/mountinfo', 'utf8').includes(' /sys/fs/cgroup/cpu '))
        return context.skip('no cgroup of version 1 with cpu at /sys/fs/cgroup/cpu');
      mkdirSync(group);
    } catch (error) {
      return context.skip(`a group cannot be made here: ${(error as Error).message}`);
    }
    try {
      writeFileSync(`${group}/cpu.cfs_quota_us`, '150000');
      const module = new URL('../../dist/workers/cpu-quota.js', import.meta.url).href;
      const program = `import('${module}').then(({ cpuQuota }) => console.log(cpuQuota()))`;
      const shell = `echo $$ > ${group}/cgroup.procs && exec "$0" -e "$1"`;
      const output = execFileSync('/bin/sh', ['-c', shell, process.execPath, program]);
      expect(output.toString()).toBe('1.5\n');
    } finally {
      rmdirSync(group);
    }
  });
});

test.each([
  [8, Number.POSITIVE_INFINITY, 8],
  [8, 3.5, 3],
  [2, 3.5, 2],
  [8, 0.25, 1],
])('withinQuota() of %d processors and a quota of %d', (processors, quota, workers) => {
  expect(withinQuota(processors, quota)).toBe(workers);
});
