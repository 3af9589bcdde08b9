import { OPCODES } from '@ringbearer/io-uring-opcode';
import { olderThan } from '../kernel-version.js';
import type { Machine, SetupAttempt } from './machine.js';

/** How a finding bears on using io_uring here. */
export type FindingStatus = 'ok' | 'warning' | 'problem';

/** One thing the doctor looked at. */
export interface Finding {
  /** Stable name: `'kernel'`, `'seccomp'`. */
  readonly id: string;
  /** How it looks. */
  readonly status: FindingStatus;
  /** What was found, in one sentence. */
  readonly text: string;
  /** What to do about it; none where nothing is wrong. */
  readonly fix?: string;
}

/** Locked memory that one default ring with its buffers may be charged, in bytes. */
const MEMLOCK_BYTES = 8 * 1024 * 1024;
/** Open files that maxConnections' default asks for. */
const OPEN_FILES = 8192;

export function kernelFinding({ kernel, platform }: Machine): Finding {
  if (platform !== 'linux') {
    return {
      id: 'kernel',
      status: 'problem',
      text: `This is ${platform}: io_uring is a part of Linux`,
      fix: 'run on Linux 6.1 or later (a virtual machine or a remote host will do)',
    };
  }
  if (olderThan(kernel, '5.19')) {
    return {
      id: 'kernel',
      status: 'problem',
      text: `Linux ${kernel} lacks provided-buffer rings and multishot accept (5.19)`,
      fix: 'upgrade to Linux 6.1 or later',
    };
  }
  if (olderThan(kernel, '6.1')) {
    return {
      id: 'kernel',
      status: 'warning',
      text: `Linux ${kernel} lacks DEFER_TASKRUN (6.1), which the owner driver is made for`,
      fix: 'upgrade to Linux 6.1 or later for the lowest CPU use',
    };
  }
  return { id: 'kernel', status: 'ok', text: `Linux ${kernel}` };
}

export function sysctlFinding(machine: Machine): Finding {
  const setting = machine.read('/proc/sys/kernel/io_uring_disabled')?.trim() ?? null;
  if (setting === null || setting === '0') {
    return {
      id: 'sysctl',
      status: 'ok',
      text: 'kernel.io_uring_disabled is 0 or not there: everybody may use io_uring',
    };
  }
  const fix = 'sysctl -w kernel.io_uring_disabled=0, and a file in /etc/sysctl.d to keep it';
  if (setting === '2') {
    return {
      id: 'sysctl',
      status: 'problem',
      text: 'kernel.io_uring_disabled is 2: nobody may use io_uring',
      fix,
    };
  }
  const group = machine.read('/proc/sys/kernel/io_uring_group')?.trim() ?? '-1';
  return {
    id: 'sysctl',
    status: 'warning',
    text: `kernel.io_uring_disabled is 1: only CAP_SYS_ADMIN and ${group === '-1' ? 'no group' : `group ${group}`} may use io_uring`,
    fix: `${fix}; or set kernel.io_uring_group to a group of this user`,
  };
}

export function containerFinding(machine: Machine): Finding {
  const cgroup = machine.read('/proc/1/cgroup') ?? '';
  const inside =
    machine.read('/.dockerenv') !== null ||
    machine.read('/run/.containerenv') !== null ||
    /docker|kubepods|containerd|libpod|lxc/.test(cgroup);
  const mode = /^Seccomp:\s*(\d)/m.exec(machine.read('/proc/self/status') ?? '')?.[1] ?? '0';
  const where = inside ? 'in a container' : 'in no container';
  if (mode !== '2') return { id: 'seccomp', status: 'ok', text: `No seccomp filter, ${where}` };
  return {
    id: 'seccomp',
    status: 'warning',
    text: `A seccomp filter is active, ${where}; the defaults of Docker and containerd forbid io_uring`,
    fix: 'where setting a ring up fails below, allow io_uring_setup, io_uring_enter and io_uring_register in the profile (docker run --security-opt seccomp=PROFILE.json)',
  };
}

export function limitFinding(machine: Machine, id: 'memlock' | 'nofile'): Finding {
  const name = id === 'memlock' ? 'Max locked memory' : 'Max open files';
  const line = new RegExp(`^${name}\\s+(\\S+)`, 'm').exec(machine.read('/proc/self/limits') ?? '');
  const value = line?.[1] ?? 'unlimited';
  const wanted = id === 'memlock' ? MEMLOCK_BYTES : OPEN_FILES;
  const flag = id === 'memlock' ? '-l' : '-n';
  const unit = id === 'memlock' ? 'bytes of locked memory' : 'open files';
  if (value === 'unlimited' || Number(value) >= wanted) {
    return { id, status: 'ok', text: `The limit is ${value} ${unit}` };
  }
  const unitName = id === 'memlock' ? 'LimitMEMLOCK' : 'LimitNOFILE';
  return {
    id,
    status: 'warning',
    text: `The limit is ${value} ${unit}, less than ${wanted}`,
    fix:
      id === 'memlock'
        ? `raise it (ulimit ${flag}, ${unitName}= in systemd) where rings cannot be set up: they are charged to the user without CAP_IPC_LOCK`
        : `raise it (ulimit ${flag}, ${unitName}= in systemd) for more connections at once`,
  };
}

export function setupFinding(attempt: SetupAttempt): Finding {
  const id = `ring-${attempt.driver}`;
  if ('granted' in attempt) {
    return {
      id,
      status: 'ok',
      text: `A ring for the ${attempt.driver} driver was set up: ${attempt.granted.join(', ')}`,
    };
  }
  const [, ...hint] = attempt.message.split(': ');
  return {
    id,
    status: 'problem',
    text: `A ring for the ${attempt.driver} driver could not be set up: ${attempt.code}`,
    fix: hint.length > 0 ? hint.join(': ') : attempt.message,
  };
}

export function opcodeFinding(supported: readonly string[]): Finding {
  const known = [...new Set(OPCODES.map(({ name }) => name))];
  const missing = known.filter((name) => !supported.includes(name));
  if (missing.length === 0) {
    return {
      id: 'opcodes',
      status: 'ok',
      text: `All ${known.length} opcodes of this package are supported`,
    };
  }
  return {
    id: 'opcodes',
    status: 'warning',
    text: `Not supported by this kernel: ${missing.join(', ')}`,
    fix: 'upgrade the kernel where you need them: bearer.probe() tells at run time',
  };
}
