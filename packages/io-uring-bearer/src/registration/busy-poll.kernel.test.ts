// Busy polling: what the kernel remembers of it. Loopback has no NAPI, so nothing here sees a device being looked at.

import type { TestContext } from 'vitest';
import { describe, expect, test } from 'vitest';
import { bearerMaker } from '../../test-support/bearers.js';
import { RegistrationError, type UringBearer } from '../index.js';
import { olderThan } from '../kernel-version.js';

const make = bearerMaker();

/** Skips where this kernel has no busy polling, or none of rings. */
function needsBusyPoll(context: TestContext, bearer: UringBearer, since = '6.9'): void {
  const { kernel } = bearer.probe();
  if (olderThan(kernel, since)) {
    context.skip(`kernel ${kernel} is before ${since}`);
  }
  try {
    bearer.registration.clearBusyPoll();
  } catch (error) {
    context.skip(`not with this kernel: ${(error as Error).message}`);
  }
}

const errorOf = (call: () => unknown): unknown => {
  try {
    call();
  } catch (error) {
    return error;
  }
  return 'no error';
};

describe.each(['embedded', 'owner', 'manual'] as const)('driver %s', (driver) => {
  test('setBusyPoll() and clearBusyPoll() answer what was set before', (context) => {
    const bearer = make(driver);
    needsBusyPoll(context, bearer, '6.13');
    const { registration } = bearer;
    expect(registration.setBusyPoll({ microseconds: 50, prefer: true })).toEqual({
      microseconds: 0,
      prefer: false,
      tracking: 'inactive',
    });
    expect(registration.setBusyPoll({ microseconds: 60, tracking: 'static' })).toEqual({
      microseconds: 50,
      prefer: true,
      tracking: 'dynamic',
    });
    expect(registration.setBusyPoll({ microseconds: 70 })).toEqual({
      microseconds: 60,
      prefer: false,
      tracking: 'static',
    });
    expect(registration.clearBusyPoll()).toEqual({ microseconds: 70, prefer: false });
    expect(registration.clearBusyPoll()).toEqual({ microseconds: 0, prefer: false });
  });
});

test('addBusyPollQueue() and removeBusyPollQueue() keep a set of queues', (context) => {
  const bearer = make('owner');
  needsBusyPoll(context, bearer, '6.13');
  const { registration } = bearer;
  // The kernel takes any number above those of processors: it looks devices up when it polls.
  const queue = 0x7fff_0000;
  expect(errorOf(() => registration.addBusyPollQueue(queue))).toMatchObject({
    code: 'REGISTRATION_FAILED',
    registration: 'REGISTER_NAPI',
    message: expect.stringContaining('{ tracking: "static" }'),
  });
  registration.setBusyPoll({ microseconds: 50, tracking: 'static' });
  registration.addBusyPollQueue(queue);
  const twice = errorOf(() => registration.addBusyPollQueue(queue));
  expect(twice).toBeInstanceOf(RegistrationError);
  expect(twice).toMatchObject({ hint: 'this queue was added already' });
  registration.removeBusyPollQueue(queue);
  expect(errorOf(() => registration.removeBusyPollQueue(queue))).toMatchObject({
    hint: 'this queue was not added',
  });
  expect(errorOf(() => registration.addBusyPollQueue(0))).toMatchObject({
    hint: expect.stringContaining('SO_INCOMING_NAPI_ID'),
  });
});

test('bad arguments are refused before the kernel sees them', () => {
  const { registration } = make('embedded');
  for (const microseconds of [-1, 0.5, Number.NaN, 2 ** 31]) {
    expect(() => registration.setBusyPoll({ microseconds })).toThrow(RangeError);
  }
  for (const microseconds of ['50', 50n, undefined, null]) {
    expect(() => registration.setBusyPoll({ microseconds: microseconds as never })).toThrow(
      TypeError,
    );
  }
  for (const tracking of ['inactive', 'toString', 1]) {
    expect(() =>
      registration.setBusyPoll({ microseconds: 1, tracking: tracking as never }),
    ).toThrow("tracking must be 'dynamic' or 'static'");
  }
  for (const id of [-1, 1.5, 2 ** 32]) {
    expect(() => registration.addBusyPollQueue(id)).toThrow(RangeError);
    expect(() => registration.removeBusyPollQueue(id)).toThrow(RangeError);
  }
});

test('a closed bearer says so', async () => {
  const bearer = make('embedded');
  await bearer.close();
  const { registration } = bearer;
  for (const call of [
    () => registration.setBusyPoll({ microseconds: 1 }),
    () => registration.clearBusyPoll(),
    () => registration.addBusyPollQueue(1),
    () => registration.removeBusyPollQueue(1),
    () => registration.setWaitClock('monotonic'),
    () => registration.bufferRingHead(0),
  ]) {
    expect(errorOf(call)).toMatchObject({ code: 'BEARER_CLOSED' });
  }
});
