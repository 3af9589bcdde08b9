// An eventfd that counts completions, against the kernel this runs on.

import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { FixedFd, RawFd } from '@ringbearer/io-uring-fd';
import { Nop, PollAdd, Read, SubmissionFlags, Timeout } from '@ringbearer/io-uring-opcode';
import { afterEach, describe, expect, test } from 'vitest';
import { bearerMaker } from '../../test-support/bearers.js';
import { driven } from '../../test-support/chains.js';
import { openDescriptors } from '../../test-support/kernel-fixture.js';
import { openEventfd, RegistrationError } from '../index.js';

const make = bearerMaker();
const opened: RawFd[] = [];
afterEach(() => {
  for (const { number } of opened.splice(0)) closeSync(number);
});
const eventfd = (): RawFd => {
  const fd = openEventfd();
  opened.push(fd);
  return fd;
};
/** What the counter counted since the last time: it starts at 1, so that reading never blocks. */
function count({ number }: RawFd): number {
  writeSync(number, new BigUint64Array([1n]));
  const counter = new BigUint64Array(1);
  readSync(number, counter);
  return Number(counter[0]) - 1;
}

describe.each(['embedded', 'owner', 'manual'] as const)('driver %s', (driver) => {
  test('counts completions while it is registered', async () => {
    const bearer = make(driver);
    const fd = eventfd();
    bearer.registration.registerEventfd(fd);
    await driven(bearer, bearer.submit(new Nop()));
    expect(count(fd)).toBeGreaterThanOrEqual(1);
    await driven(bearer, bearer.submit(new Timeout({ milliseconds: 1 })));
    expect(count(fd)).toBeGreaterThanOrEqual(1);
    bearer.registration.unregisterEventfd();
    await driven(bearer, bearer.submit(new Nop()));
    expect(count(fd)).toBe(0);
  });

  test('workersOnly counts what a thread of the kernel completes', async () => {
    const bearer = make(driver);
    const fd = eventfd();
    bearer.registration.registerEventfd(fd, { workersOnly: true });
    await driven(bearer, bearer.submit(new Nop()));
    await driven(bearer, bearer.submit(new Timeout({ milliseconds: 1 })));
    expect(count(fd)).toBe(0);
    await driven(bearer, bearer.submit(new Nop(), { flags: SubmissionFlags.ASYNC }));
    expect(count(fd)).toBeGreaterThanOrEqual(1);
  });
});

test('another ring watches it', async () => {
  const watched = make('embedded');
  const watcher = make('owner');
  const fd = eventfd();
  watched.registration.registerEventfd(fd);
  const readable = watcher.submit(new PollAdd({ descriptor: fd, events: 1 }));
  watcher.flush();
  await watched.submit(new Nop());
  expect(await readable).toBe(1);
});

test('is one of a ring, and must be an eventfd', () => {
  const { registration, descriptor } = make('embedded');
  expect(() => registration.unregisterEventfd()).toThrow(/ENXIO.*no eventfd is registered/);
  for (const wrong of [new FixedFd(1), 7, null, undefined, { number: 3, direct: false }]) {
    expect(() => registration.registerEventfd(wrong as never)).toThrow(TypeError);
  }
  expect(() => registration.registerEventfd(descriptor)).toThrow(/EINVAL.*openEventfd/);
  const closed = new RawFd(openSync('/dev/null', 'r'));
  closeSync(closed.number);
  expect(() => registration.registerEventfd(closed)).toThrow(RegistrationError);
  registration.registerEventfd(eventfd());
  expect(() => registration.registerEventfd(eventfd())).toThrow(/EBUSY.*unregister that one first/);
});

test('a bearer closes with one registered, and lets go of it', async () => {
  const before = openDescriptors();
  for (let i = 0; i < 20; i++) {
    const bearer = make('embedded');
    const fd = openEventfd();
    bearer.registration.registerEventfd(fd);
    const pending = bearer.submit(new Read({ descriptor: fd, memory: bearer.allocate(8) }), {
      flags: SubmissionFlags.ASYNC,
    });
    const ended = pending.catch((error) => error.code);
    await bearer.close();
    expect(await ended).toMatch(/ECANCELED|EINTR/);
    closeSync(fd.number);
    expect(() => bearer.registration.registerEventfd(fd)).toThrow(/closed/);
  }
  expect(openDescriptors()).toBe(before);
});
