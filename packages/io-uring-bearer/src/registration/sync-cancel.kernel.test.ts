// Cancelling beside the submission queue, against the kernel this runs on.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { FixedFd, RawFd, TargetFd } from '@ringbearer/io-uring-fd';
import {
  AddressFamily,
  type OpCode,
  type OpCodeError,
  OpenAt,
  OpNumber,
  Pipe,
  PollAdd,
  Recv,
  SocketType,
  SubmissionFlags,
  Timeout,
} from '@ringbearer/io-uring-opcode';
import { describe, expect, test } from 'vitest';
import { bearerMaker } from '../../test-support/bearers.js';
import { driven } from '../../test-support/chains.js';
import { KernelFixture } from '../../test-support/kernel-fixture.js';
import type { UringBearer } from '../index.js';

const fixture = new KernelFixture();
const make = bearerMaker();
const fifo = join(fixture.folder, 'fifo');
execFileSync('mkfifo', [fifo]);
const hour = () => new Timeout({ milliseconds: 3_600_000 });
/** Submits, and gives the name of the error it ends with. */
const start = (bearer: UringBearer, operation: OpCode<unknown>, flags = 0): Promise<string> =>
  bearer.submit(operation, { flags }).then(
    () => 'no error',
    (error: OpCodeError) => error.code,
  );

describe.each(['embedded', 'owner', 'manual'] as const)('driver %s: cancelNow()', (driver) => {
  test('by operation and by key, what is queued included', async () => {
    const bearer = make(driver);
    const [first, second] = [hour(), hour()];
    const ended = [start(bearer, first), start(bearer, second)];
    const third = hour();
    const key = bearer.push(third);
    expect(bearer.cancelNow(first)).toBe(1);
    expect(bearer.cancelNow(key)).toBe(1);
    expect(await driven(bearer, ended[0]!)).toBe('ECANCELED');
    expect([second.inFlight, third.inFlight]).toEqual([true, false]);
    expect([bearer.cancelNow(first), bearer.cancelNow(key)]).toEqual([0, 0]);
    expect(bearer.cancelNow(second)).toBe(1);
    expect(await driven(bearer, ended[1]!)).toBe('ECANCELED');
  });

  test('by opcode: one, or all', async () => {
    const bearer = make(driver);
    const timers = Array.from({ length: 4 }, () => start(bearer, hour()));
    const target = { opcode: OpNumber.TIMEOUT };
    expect(bearer.cancelNow({ opcode: OpNumber.RECV }, { all: true })).toBe(0);
    expect(bearer.cancelNow(target)).toBe(1);
    expect(bearer.cancelNow(target, { all: true })).toBe(3);
    expect(bearer.cancelNow(target, { all: true })).toBe(0);
    expect(await driven(bearer, Promise.all(timers))).toEqual(Array(4).fill('ECANCELED'));
  });

  test('any: everything, and the bearer goes on', async () => {
    const bearer = make(driver);
    const { readEnd } = await driven(bearer, bearer.submit(new Pipe()));
    const ended = [
      start(bearer, hour()),
      start(bearer, new PollAdd({ descriptor: readEnd, events: 1 })),
    ];
    const found = bearer.cancelNow({ any: true });
    expect(found).toBeGreaterThanOrEqual(2);
    expect(await driven(bearer, Promise.all(ended))).toEqual(['ECANCELED', 'ECANCELED']);
    // Timers of the event loop and of the ring still wake it: its own poll is armed again.
    await driven(bearer, new Promise((resolve) => setTimeout(resolve, 5)));
    await driven(bearer, bearer.submit(new Timeout({ milliseconds: 5 })));
  });

  test('waits for what a thread of the kernel runs', async () => {
    const bearer = make(driver);
    // Opening a FIFO waits for somebody who writes.
    const open = new OpenAt({ path: fifo });
    const ended = start(bearer, open, SubmissionFlags.ASYNC);
    bearer.flush();
    await driven(bearer, new Promise((resolve) => setTimeout(resolve, 20)));
    expect(bearer.cancelNow(open, { timeoutMs: 20_000 })).toBe(1);
    // ERESTARTSYS, which has no name for programs.
    expect(await driven(bearer, ended)).toMatch(/ECANCELED|EINTR|E512/);
  });
});

test('by descriptor, regular and direct', async () => {
  const { bearer } = fixture;
  const [raw] = await fixture.pair(SocketType.DGRAM);
  const [direct] = await fixture.pair(SocketType.DGRAM, TargetFd.auto);
  for (const socket of [raw, direct]) {
    const receives = [1, 2].map(() =>
      start(bearer, new Recv({ socket, memory: bearer.allocate(8) })),
    );
    const timer = hour();
    const timed = start(bearer, timer);
    expect(bearer.cancelNow({ descriptor: socket })).toBe(1);
    expect(bearer.cancelNow({ descriptor: socket }, { all: true })).toBe(1);
    expect(await Promise.all(receives)).toEqual(['ECANCELED', 'ECANCELED']);
    expect(timer.inFlight).toBe(true);
    bearer.cancelNow(timer);
    await timed;
  }
  expect(() => bearer.cancelNow({ descriptor: new RawFd(99_999) })).toThrow(/EBADF/);
  expect(() => bearer.cancelNow({ descriptor: new FixedFd(15) })).toThrow(/EBADF/);
});

test("finds nothing of another bearer's, whatever its key", async () => {
  const [ours, theirs] = [make('embedded'), make('embedded')];
  const [mine, foreign] = [hour(), hour()];
  const ended = [start(ours, mine), start(theirs, foreign)];
  expect([foreign.slot, foreign.generation]).toEqual([mine.slot, mine.generation]);
  expect(ours.cancelNow(foreign)).toBe(0);
  expect([mine.inFlight, foreign.inFlight]).toEqual([true, true]);
  expect([ours.cancelNow(mine), theirs.cancelNow(foreign)]).toEqual([1, 1]);
  expect(await Promise.all(ended)).toEqual(['ECANCELED', 'ECANCELED']);
});

test('refuses what names nothing', async () => {
  const { bearer } = fixture;
  const { INET } = AddressFamily;
  for (const target of [
    null,
    undefined,
    {},
    'all',
    { any: false },
    { descriptor: 3 },
    { family: INET },
  ]) {
    expect(() => bearer.cancelNow(target as never)).toThrow(TypeError);
  }
  for (const target of [-1, 0.5, Number.NaN, { opcode: 256 }, { opcode: -1 }]) {
    expect(() => bearer.cancelNow(target)).toThrow(RangeError);
  }
  for (const timeoutMs of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => bearer.cancelNow({ any: true }, { timeoutMs })).toThrow(/timeoutMs/);
  }
  const closed = make('embedded');
  await closed.close();
  expect(() => closed.cancelNow({ any: true })).toThrow(/closed/);
});
