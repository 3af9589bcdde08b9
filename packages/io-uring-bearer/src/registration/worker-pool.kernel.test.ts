// The kernel's threads that work for a ring, against the kernel this runs on.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { bearerMaker } from '../../test-support/bearers.js';
import { reportOf } from '../../test-support/child.js';

const make = bearerMaker();
const folder = mkdtempSync(join(tmpdir(), 'workers-'));
const fifo = join(folder, 'fifo');
execFileSync('mkfifo', [fifo]);
afterAll(() => rmSync(folder, { recursive: true }));

/** A program's means: the processors of each worker of its pool, and operations that make workers block. */
const PRELUDE = `
import { readdirSync, readFileSync } from 'node:fs';
const bearer = bearerWith();
const workers = () => readdirSync('/proc/self/task').flatMap((task) => {
  const status = readFileSync('/proc/self/task/' + task + '/status', 'utf8');
  return status.startsWith('Name:\\tiou-wrk') ? /^Cpus_allowed_list:\\s*(\\S+)/m.exec(status).slice(1) : [];
});
const ended = [];
const block = (count) => {
  // Opening a FIFO waits for somebody who writes.
  for (let i = 0; i < count; i++) {
    const open = new op.OpenAt({ path: ${JSON.stringify(fifo)} });
    ended.push(bearer.submit(open, { flags: op.SubmissionFlags.ASYNC }).catch((error) => error.syscall));
  }
  bearer.flush();
};
const until = async (condition) => {
  for (let i = 0; i < 1000 && !condition(); i++) await new Promise((next) => setTimeout(next, 5));
  return condition();
};
`;

describe.each(['embedded', 'owner', 'manual'] as const)('driver %s', (driver) => {
  test('limits are read, and changed one by one', () => {
    const { registration } = make(driver);
    const before = registration.workerLimits();
    expect(before.bounded).toBeGreaterThan(0);
    expect(registration.setWorkerLimits({ bounded: 3 })).toEqual(before);
    expect(registration.workerLimits()).toEqual({ ...before, bounded: 3 });
    expect(registration.setWorkerLimits({ bounded: 5, unbounded: 7 })).toEqual({
      ...before,
      bounded: 3,
    });
    expect(registration.workerLimits()).toEqual({ bounded: 5, unbounded: 7 });
    registration.setWorkerLimits(before);
  });

  test('a limit holds', async () => {
    // In a process of its own, as the pool belongs to the thread, and its workers stay a while.
    const source = `
bearer.registration.setWorkerLimits({ bounded: 2 });
block(8);
report(await until(() => workers().length === 2));
await new Promise((next) => setTimeout(next, 50));
report(workers().length);
bearer.registration.setWorkerLimits({ bounded: 8 });
block(1);
report(await until(() => workers().length === 8));
await bearer.close();
report((await Promise.all(ended)).join());
`;
    const ended = Array(9).fill('openat').join();
    expect(await reportOf(driver, PRELUDE + source)).toEqual([true, 2, true, ended]);
  });
});

test('workers stay on the processors they are given', async (context) => {
  const status = readFileSync('/proc/thread-self/status', 'utf8');
  const allowed = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? '';
  if (!/[-,]/.test(allowed)) context.skip(`there is one processor here: ${allowed}`);
  const source = `
const list = () => /Cpus_allowed_list:\\s*(\\S+)/.exec(readFileSync('/proc/thread-self/status', 'utf8'))[1];
const first = /^\\d+/.exec(list())[0];
bearer.registration.setWorkerCpus([Number(first)]);
block(2);
report(await until(() => workers().length === 2 && workers().every((cpus) => cpus === first)));
bearer.registration.clearWorkerCpus();
block(2);
report(await until(() => workers().some((cpus) => cpus === list())));
await bearer.close();
`;
  expect(await reportOf('embedded', PRELUDE + source)).toEqual([true, true]);
});

test('hostile arguments change nothing', async () => {
  const bearer = make('embedded');
  const { registration } = bearer;
  const before = registration.workerLimits();
  expect(() => registration.setWorkerLimits({})).toThrow(/one of bounded and unbounded/);
  for (const value of [0, -1, 1.5, 2 ** 31, Number.NaN, '4', null]) {
    expect(() => registration.setWorkerLimits({ bounded: value as number })).toThrow(/bounded/);
    expect(() => registration.setWorkerLimits({ unbounded: value as number })).toThrow(/unbounded/);
  }
  expect(registration.workerLimits()).toEqual(before);
  for (const cpus of [[], null, undefined, '0', 0, new Set([0])]) {
    expect(() => registration.setWorkerCpus(cpus as never)).toThrow(TypeError);
  }
  for (const cpu of [-1, 0.5, 1023, 1024, Number.NaN]) {
    expect(() => registration.setWorkerCpus([cpu])).toThrow(RangeError);
  }
  expect(() => registration.setWorkerCpus(['0' as never])).toThrow(TypeError);
  await bearer.close();
  expect(() => registration.workerLimits()).toThrow(/closed/);
  expect(() => registration.setWorkerCpus([0])).toThrow(/closed/);
  expect(() => registration.clearWorkerCpus()).toThrow(/closed/);
});
