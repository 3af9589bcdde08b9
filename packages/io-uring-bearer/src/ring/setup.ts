import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { SetupFlag } from '@ringbearer/io-uring-opcode';
import { ownerActive, type RawRing, Ring } from '@ringbearer/native/ring';
import { RingSetupError } from '../errors.js';

/** How a bearer shares the thread with libuv; docs/decisions/0002 has the reasons. */
export type DriverKind = 'embedded' | 'owner' | 'manual';

/** Makes a ring. Tests inject one that fails. */
export type RingFactory = (entries: number, flags: number, completionEntries: number) => RawRing;

const { SINGLE_ISSUER, DEFER_TASKRUN, COOP_TASKRUN, TASKRUN_FLAG, SUBMIT_ALL, CQSIZE, NO_SQARRAY } =
  SetupFlag;
const DEFER = SINGLE_ISSUER | DEFER_TASKRUN | TASKRUN_FLAG | SUBMIT_ALL | CQSIZE;
/** Kernel 6.6. Without it the queues cannot be resized, as the kernel (6.13) does not say where it puts a new index array. */
const LEAN = DEFER | NO_SQARRAY;
const COOP = COOP_TASKRUN | TASKRUN_FLAG | SUBMIT_ALL | CQSIZE;

/** Best first. A rung is left on EINVAL: the kernel does not know one of its flags. */
const LADDER: Readonly<Record<DriverKind, readonly number[]>> = {
  owner: [LEAN, DEFER, SINGLE_ISSUER | COOP, COOP, SUBMIT_ALL | CQSIZE, CQSIZE],
  // epoll is never woken by a DEFER_TASKRUN ring: not in this ladder.
  embedded: [SINGLE_ISSUER | COOP, COOP, SUBMIT_ALL | CQSIZE, CQSIZE],
  manual: [LEAN, DEFER, SINGLE_ISSUER | COOP, COOP, SUBMIT_ALL | CQSIZE, CQSIZE],
};

const createRing: RingFactory = (entries, flags, completionEntries) =>
  new Ring(entries, flags, completionEntries);

/**
 * The driver that is granted. A thread has one owner: a second ring that blocked would keep the first from waking anybody, so it is
 * embedded in the loop the first one owns.
 *
 * @throws TypeError for a name that is none
 */
export function grantDriver(wanted: DriverKind): DriverKind {
  if (!Object.hasOwn(LADDER, wanted)) {
    throw new TypeError(
      `Cannot make a bearer as driver must be 'embedded', 'owner' or 'manual': current value is ${String(wanted)}`,
    );
  }
  return wanted === 'owner' && ownerActive() ? 'embedded' : wanted;
}

/**
 * Sets a ring up with the best flags the kernel grants.
 *
 * @param extraFlags asked for in any case
 * @throws RingSetupError with the cause and what to do about it
 */
export function setupRing(
  driver: DriverKind,
  entries: number,
  completionEntries: number,
  factory = createRing,
  extraFlags = 0,
): RawRing {
  let refused: unknown;
  for (const flags of LADDER[driver]) {
    try {
      return factory(entries, flags | extraFlags, completionEntries);
    } catch (error) {
      refused = error;
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') break;
    }
  }
  const { code = 'UNKNOWN', errno = 0 } = refused as NodeJS.ErrnoException;
  // Not the kernel's answer: a runtime without external ArrayBuffers, say.
  if (errno === 0) throw refused;
  throw new RingSetupError(`Cannot set up an io_uring (${code})`, errno, setupHint(code), refused);
}

/** The granted flags by name, for reports. */
export function setupFlagNames(flags: number): string[] {
  return Object.entries(SetupFlag)
    .filter(([, bit]) => (flags & bit) !== 0)
    .map(([name]) => name);
}

/** What to do about a failed io_uring_setup(2). */
export function setupHint(code: string, readSetting = readSysctl): string {
  switch (code) {
    case 'EPERM': {
      const setting = readSetting('/proc/sys/kernel/io_uring_disabled');
      if (setting === '2')
        return 'it is disabled for everybody: set "sysctl -w kernel.io_uring_disabled=0"';
      if (setting === '1') {
        return 'it is disabled for unprivileged users: set "sysctl -w kernel.io_uring_disabled=0", or join the group of kernel.io_uring_group';
      }
      return 'a seccomp profile forbids it, as the defaults of Docker and containerd do: allow io_uring_setup, io_uring_enter and io_uring_register';
    }
    case 'ENOSYS':
      return `this kernel (${release()}) has no io_uring, or a seccomp profile hides it: use Linux 5.19 or later, and allow io_uring_setup, io_uring_enter and io_uring_register`;
    case 'ENOMEM':
      return 'the locked-memory limit is too small: raise it with "ulimit -l" (LimitMEMLOCK= in systemd), or ask for smaller queues';
    case 'EMFILE':
    case 'ENFILE':
      return 'too many files are open: raise "ulimit -n" (LimitNOFILE= in systemd), or close some';
    case 'EINVAL':
      return `this kernel (${release()}) knows none of the flags that were tried: use Linux 5.19 or later`;
    default:
      return 'see io_uring_setup(2) for what this error means';
  }
}

function readSysctl(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}
