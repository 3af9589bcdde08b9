// How errors of the kernel are told, with kernels that are made up: no ring is involved.

import { constants } from 'node:os';
import { REGISTER_OP_SINCE } from '@ringbearer/io-uring-opcode';
import { describe, expect, test } from 'vitest';
import { RestrictedError } from '../errors.js';
import { bufferRingHead } from './buffer-ring-head.js';
import { clearBusyPoll, setBusyPoll } from './busy-poll.js';
import { Registrar } from './registrar.js';
import {
  RegistrationError,
  type RegistrationName,
  UnsupportedRegistrationError,
} from './registration-error.js';
import { setWaitClock } from './wait-clock.js';
import { setWorkerCpus } from './worker-cpus.js';
import { exchangeWorkerLimits } from './worker-limits.js';

function refusing(
  code: keyof typeof constants.errno,
  kernel: string,
  host = { closed: () => false, restricted: false },
): Registrar {
  const error = Object.assign(new Error(`${code}: io_uring_register`), {
    code,
    errno: -constants.errno[code],
    syscall: 'io_uring_register',
  });
  const raw = {
    register: () => {
      throw error;
    },
  };
  return new Registrar(raw, host, kernel);
}

const errorOf = (call: () => unknown): unknown => {
  try {
    call();
  } catch (error) {
    return error;
  }
  return 'no error';
};

describe('EINVAL of a kernel that is too old is UnsupportedRegistrationError', () => {
  test.each<[RegistrationName, string, (registrar: Registrar) => unknown]>([
    ['REGISTER_NAPI', '6.8.0-45-generic', (it) => setBusyPoll(it, { microseconds: 1 })],
    ['UNREGISTER_NAPI', '6.1.0-13-amd64', clearBusyPoll],
    ['REGISTER_CLOCK', '6.11.9', (it) => setWaitClock(it, 'boottime')],
    ['REGISTER_PBUF_STATUS', '6.7.12', (it) => bufferRingHead(it, 0)],
    ['REGISTER_IOWQ_MAX_WORKERS', '5.10.0', (it) => exchangeWorkerLimits(it, {})],
    ['REGISTER_IOWQ_AFF', '5.13.19', (it) => setWorkerCpus(it, [0])],
  ])('%s on %s', (registration, kernel, call) => {
    const error = errorOf(() => call(refusing('EINVAL', kernel)));
    expect(error).toBeInstanceOf(UnsupportedRegistrationError);
    const since = REGISTER_OP_SINCE[registration];
    expect(error).toMatchObject({
      code: 'UNSUPPORTED_REGISTRATION',
      registration,
      since,
      cause: { code: 'EINVAL' },
    });
    expect((error as Error).message).toContain(`this kernel (${kernel})`);
    expect((error as Error).message).toContain(`Linux ${since} and later`);
    // The very release that has it gets to hear what is wrong with the argument.
    expect(errorOf(() => call(refusing('EINVAL', `${since}.0`)))).toBeInstanceOf(RegistrationError);
  });
});

test('another error is a RegistrationError, however old the kernel', () => {
  const error = errorOf(() => setWaitClock(refusing('EPERM', '5.10.0'), 'boottime'));
  expect(error).toBeInstanceOf(RegistrationError);
  expect(error).toMatchObject({
    code: 'REGISTRATION_FAILED',
    registration: 'REGISTER_CLOCK',
    errno: -constants.errno.EPERM,
    hint: 'see io_uring_register(2) for what this error means',
    cause: { code: 'EPERM' },
  });
});

test('EACCES is RestrictedError of a restricted ring only', () => {
  const host = (restricted: boolean) => ({ closed: () => false, restricted });
  const call = (restricted: boolean) =>
    errorOf(() => setWaitClock(refusing('EACCES', '6.18.0', host(restricted)), 'boottime'));
  expect(call(true)).toBeInstanceOf(RestrictedError);
  expect(call(false)).toBeInstanceOf(RegistrationError);
});

test('what is no error of the system stays what it is; a closed bearer is not asked', () => {
  const bug = new TypeError('a bug');
  const raw = {
    register: () => {
      throw bug;
    },
  };
  const call = (closed: boolean) =>
    errorOf(() =>
      setWaitClock(new Registrar(raw, { closed: () => closed, restricted: false }), 'monotonic'),
    );
  expect(call(false)).toBe(bug);
  expect(call(true)).toMatchObject({ code: 'BEARER_CLOSED' });
});
