import { describe, expect, it } from 'vitest';
import { diagnose, formatDiagnosis } from './diagnose.js';
import type { Machine } from './machine.js';

const LIMITS = (memlock: string, files: string) =>
  `Limit                     Soft Limit           Hard Limit           Units\nMax locked memory         ${memlock}  unlimited  bytes\nMax open files            ${files}  1048576  files\n`;

function machine(files: Record<string, string>, changes: Partial<Machine> = {}): Machine {
  return {
    platform: 'linux',
    arch: 'x64',
    nodeVersion: '20.0.0',
    kernel: '6.18.1',
    read: (path) => files[path] ?? null,
    setUp: async (driver) => ({ driver, granted: ['CQSIZE'], opcodes: ['NOP'] }),
    ...changes,
  };
}

async function finding(id: string, of: Machine) {
  const { findings } = await diagnose(of);
  return findings.find((each) => each.id === id);
}

describe('diagnose()', () => {
  it('finds this machine usable, by really setting rings up', async () => {
    const diagnosis = await diagnose();
    expect(diagnosis.usable).toBe(true);
    const ids = diagnosis.findings.map(({ id }) => id);
    expect(ids).toEqual([
      'kernel',
      'sysctl',
      'seccomp',
      'memlock',
      'nofile',
      'ring-owner',
      'ring-embedded',
      'opcodes',
    ]);
    expect(formatDiagnosis(diagnosis)).toMatch(/io_uring can be used here\.$/);
    expect(JSON.parse(JSON.stringify(diagnosis))).toEqual(diagnosis);
  });

  it.each([
    ['another system', { platform: 'darwin' }, 'problem'],
    ['a kernel before 5.19', { kernel: '5.10.0-8-amd64' }, 'problem'],
    ['a kernel before 6.1', { kernel: '6.0.0' }, 'warning'],
    ['a new kernel', { kernel: '7.2.0-rc1' }, 'ok'],
  ] as const)('judges %s', async (_name, change, status) => {
    const kernel = await finding('kernel', machine({}, change));
    expect(kernel?.status).toBe(status);
    expect(kernel?.fix === undefined).toBe(status === 'ok');
  });

  it.each([
    ['0', 'ok'],
    ['1', 'warning'],
    ['2', 'problem'],
  ])('judges kernel.io_uring_disabled = %s', async (setting, status) => {
    const files = { '/proc/sys/kernel/io_uring_disabled': `${setting}\n` };
    const sysctl = await finding('sysctl', machine(files));
    expect(sysctl?.status).toBe(status);
    if (status !== 'ok') expect(sysctl?.fix).toContain('kernel.io_uring_disabled=0');
  });

  it('names the group of io_uring_disabled = 1', async () => {
    const files = {
      '/proc/sys/kernel/io_uring_disabled': '1',
      '/proc/sys/kernel/io_uring_group': '1005\n',
    };
    expect((await finding('sysctl', machine(files)))?.text).toContain('group 1005');
  });

  it('warns of a seccomp filter and says whether this is a container', async () => {
    const files = { '/proc/self/status': 'Name: node\nSeccomp:\t2\n', '/.dockerenv': '' };
    const seccomp = await finding('seccomp', machine(files));
    expect(seccomp).toMatchObject({ status: 'warning' });
    expect(seccomp?.text).toContain('in a container');
    expect(seccomp?.fix).toContain('io_uring_setup');
  });

  it('warns of low limits', async () => {
    const low = machine({ '/proc/self/limits': LIMITS('65536', '1024') });
    expect((await finding('memlock', low))?.fix).toContain('ulimit -l');
    expect((await finding('nofile', low))?.fix).toContain('ulimit -n');
    const high = machine({ '/proc/self/limits': LIMITS('unlimited', '1048576') });
    expect((await finding('memlock', high))?.status).toBe('ok');
    expect((await finding('nofile', high))?.status).toBe('ok');
  });

  it('is not usable where a ring cannot be set up, and passes the reason on', async () => {
    const broken = machine(
      {},
      {
        setUp: async (driver) => ({
          driver,
          code: 'EPERM',
          message: 'Cannot set up an io_uring (EPERM): a seccomp profile forbids it: allow it',
        }),
      },
    );
    const diagnosis = await diagnose(broken);
    expect(diagnosis.usable).toBe(false);
    const ring = diagnosis.findings.find(({ id }) => id === 'ring-owner');
    expect(ring).toMatchObject({
      status: 'problem',
      fix: 'a seccomp profile forbids it: allow it',
    });
    expect(formatDiagnosis(diagnosis)).toMatch(/PROBLEM +ring-owner.*EPERM/);
    expect(diagnosis.findings.some(({ id }) => id === 'opcodes')).toBe(false);
  });

  it('names the opcodes a kernel lacks', async () => {
    const opcodes = await finding('opcodes', machine({}));
    expect(opcodes?.status).toBe('warning');
    expect(opcodes?.text).toContain('SEND_ZC');
    expect(opcodes?.text).not.toContain('NOP,');
  });
});
