// Registrations and what epoll says about them, against the kernel this runs on.

import { openSync } from 'node:fs';
import { RawFd } from '@ringbearer/io-uring-fd';
import { OpNumber } from '@ringbearer/io-uring-opcode';
import { describe, expect, test } from 'vitest';
import { type Channel, codeOf, demandWait, EpollFixture } from '../test-support/kernel.js';
import { EpollEvents, EpollHandler } from './index.js';

const fixture = new EpollFixture();
const { READABLE, WRITABLE, NONE } = EpollEvents;
const IN = EpollEvents.of('IN');

/** Values and events of what is ready now. */
const now = async (epoll: EpollHandler<string>): Promise<string[]> =>
  (await epoll.wait({ timeoutMs: 0 }))
    .map(({ registration, events }) => `${registration.value} ${events}`)
    .sort();
/** The same, of a wait that must come to an end by itself. */
const next = async (epoll: EpollHandler<string>): Promise<string[]> =>
  (await epoll.wait()).map(({ registration, events }) => `${registration.value} ${events}`).sort();

describe.each(['ring', 'syscall'] as const)('waiting by %s', (waitBy) => {
  test('level-triggered: a descriptor is reported until it is read', async (context) => {
    const bearer = fixture.bearer();
    demandWait(context, bearer, waitBy);
    const epoll = fixture.handler<string>(bearer, { waitBy });
    const pipe = await fixture.pipe(context, bearer);
    const sockets = await fixture.sockets(bearer);
    await epoll.add(pipe.reader, READABLE, 'pipe');
    const registration = await epoll.add(sockets.reader, READABLE, 'socket');
    expect(await now(epoll)).toEqual([]);
    pipe.write(2);
    expect(await next(epoll)).toEqual(['pipe IN']);
    sockets.write();
    expect(await next(epoll)).toEqual(['pipe IN', 'socket IN']);
    pipe.read(2);
    expect(await next(epoll)).toEqual(['socket IN']);
    await epoll.delete(registration);
    expect(await now(epoll)).toEqual([]);
  });

  test('a wait ends when a descriptor becomes ready, or one that is ready is added', async (context) => {
    const bearer = fixture.bearer();
    demandWait(context, bearer, waitBy);
    const epoll = fixture.handler<string>(bearer, { waitBy });
    const pipe = await fixture.pipe(context, bearer);
    await epoll.add(pipe.reader, IN, 'read');
    const waited = next(epoll);
    bearer.flush();
    pipe.write();
    expect(await waited).toEqual(['read IN']);
    pipe.read();
    const again = next(epoll);
    bearer.flush();
    await epoll.add(pipe.writer, WRITABLE, 'write');
    expect(await again).toEqual(['write OUT']);
  });

  test('ET: once for each time bytes arrive, and once more for modify()', async (context) => {
    const bearer = fixture.bearer();
    demandWait(context, bearer, waitBy);
    const epoll = fixture.handler<string>(bearer, { waitBy });
    const pipe = await fixture.pipe(context, bearer);
    const registration = await epoll.add(pipe.reader, IN.with('ET'), 'edge');
    for (let i = 0; i < 2; i++) {
      pipe.write();
      expect(await next(epoll)).toEqual(['edge IN']);
      expect(await now(epoll)).toEqual([]);
    }
    await epoll.modify(registration);
    expect(await next(epoll)).toEqual(['edge IN']);
    expect(await now(epoll)).toEqual([]);
  });

  test('ONESHOT: once, until modify() arms it again', async (context) => {
    const bearer = fixture.bearer();
    demandWait(context, bearer, waitBy);
    const epoll = fixture.handler<string>(bearer, { waitBy });
    const pipe = await fixture.pipe(context, bearer);
    const registration = await epoll.add(pipe.reader, IN.with('ONESHOT'), 'once');
    pipe.write();
    expect(await next(epoll)).toEqual(['once IN']);
    pipe.write();
    expect(await now(epoll)).toEqual([]);
    expect((await epoll.modify(registration)).events.has('ONESHOT')).toBe(true);
    expect(await next(epoll)).toEqual(['once IN']);
  });

  test('HUP and ERR come without being asked for, RDHUP when asked', async (context) => {
    const bearer = fixture.bearer();
    demandWait(context, bearer, waitBy);
    const epoll = fixture.handler<string>(bearer, { waitBy });
    const [first, second] = [
      await fixture.pipe(context, bearer),
      await fixture.pipe(context, bearer),
    ];
    await epoll.add(first.reader, NONE, 'reader');
    await epoll.add(second.writer, NONE, 'writer');
    first.closeWriter();
    second.closeReader();
    expect(await next(epoll)).toEqual(['reader HUP', 'writer ERR']);
  });

  test('modify() asks for other events', async (context) => {
    const bearer = fixture.bearer();
    demandWait(context, bearer, waitBy);
    const epoll = fixture.handler<string>(bearer, { waitBy });
    const sockets = await fixture.sockets(bearer);
    const registration = await epoll.add(sockets.reader, WRITABLE, 'socket');
    sockets.write();
    expect(await next(epoll)).toEqual(['socket OUT']);
    await epoll.modify(registration, WRITABLE.with('IN'));
    expect(await next(epoll)).toEqual(['socket IN|OUT']);
    await epoll.modify(registration, NONE);
    expect(await now(epoll)).toEqual([]);
    expect(registration.events).toEqual(NONE);
  });

  test('one wait brings as many as it may', async (context) => {
    const bearer = fixture.bearer();
    demandWait(context, bearer, waitBy);
    for (const [eventsMax, expected] of [
      [16, [16, 16, 8]],
      [64, [40]],
      [5, Array(8).fill(5)],
    ] as const) {
      const epoll = fixture.handler<number>(bearer, { waitBy, eventsMax });
      const channels = [];
      for (let i = 0; i < 40; i++) channels.push(await fixture.sockets(bearer));
      for (const [i, { reader }] of channels.entries()) await epoll.add(reader, IN.with('ET'), i);
      for (const channel of channels) channel.write();
      const brought: number[][] = [];
      while (brought.flat().length < 40) {
        brought.push((await epoll.wait()).map(({ registration }) => registration.value));
      }
      expect(brought.map(({ length }) => length)).toEqual(expected);
      expect(brought.flat().sort((a, b) => a - b)).toEqual(channels.map((_, i) => i));
      await epoll.close();
      for (const channel of channels) channel.close();
      expect(bearer.stats().capacity.Buffers.used).toBe(0);
    }
  });
});

describe('EXCLUSIVE', () => {
  test('is taken, reports, and is not to be modified', async (context) => {
    const bearer = fixture.bearer();
    const epoll = fixture.handler<string>(bearer);
    const pipe = await fixture.pipe(context, bearer);
    const registration = await epoll.add(pipe.reader, IN.with('EXCLUSIVE', 'ET'), 'mine');
    pipe.write();
    expect(await next(epoll)).toEqual(['mine IN']);
    await expect(epoll.modify(registration)).rejects.toThrow(
      'delete it and add the descriptor again',
    );
    await epoll.delete(registration);
    const plain = await epoll.add(pipe.reader, IN, 'plain');
    await expect(epoll.modify(plain, IN.with('EXCLUSIVE'))).rejects.toThrow(RangeError);
    expect(await next(epoll)).toEqual(['plain IN']);
  });

  test('what cannot go with it is refused before the kernel does', async (context) => {
    const bearer = fixture.bearer();
    const epoll = fixture.handler<string>(bearer);
    const pipe = await fixture.pipe(context, bearer);
    const { submitted } = bearer.stats();
    for (const name of ['ONESHOT', 'PRI', 'RDHUP'] as const) {
      await expect(epoll.add(pipe.reader, IN.with('EXCLUSIVE', name), 'x')).rejects.toThrow(
        /only IN\|OUT\|ERR\|HUP\|WAKEUP\|ET may go with EXCLUSIVE/,
      );
    }
    expect(bearer.stats().submitted).toBe(submitted);
    // An epoll instance is the kernel's to refuse.
    const other = fixture.handler(bearer);
    expect(await codeOf(epoll.add(other.descriptor, IN.with('EXCLUSIVE'), 'x'))).toBe('EINVAL');
  });
});

describe('apply()', () => {
  test('makes all changes with one system call', async () => {
    const bearer = fixture.bearer('embedded', { CoreQueue: 128 });
    const epoll = fixture.handler<number>(bearer);
    const channels: Channel[] = [];
    for (let i = 0; i < 50; i++) channels.push(await fixture.sockets(bearer));
    const calls = async <T>(work: () => Promise<T>): Promise<[number, T]> => {
      await new Promise(setImmediate);
      const before = bearer.stats().enters;
      const under = work();
      await null;
      return [bearer.stats().enters - before, await under];
    };
    const [enters, added] = await calls(() =>
      epoll.apply(channels.map(({ reader }, value) => ({ add: reader, events: IN, value }))),
    );
    expect(enters).toBe(1);
    const registrations = added.map((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value;
    });
    expect(registrations.map(({ value }) => value)).toEqual(channels.map((_, i) => i));
    const [again, changed] = await calls(() =>
      epoll.apply(
        registrations.map((registration, i) =>
          i % 2 === 0 ? { modify: registration, events: WRITABLE } : { delete: registration },
        ),
      ),
    );
    expect(again).toBe(1);
    expect(changed.every(({ status }) => status === 'fulfilled')).toBe(true);
    expect(registrations.map(({ active }) => active)).toEqual(channels.map((_, i) => i % 2 === 0));
    expect(epoll.stats().registrations).toEqual({ limit: 1024, used: 25, peak: 50 });
  });

  test('larger than the queue', async () => {
    const bearer = fixture.bearer('embedded', { CoreQueue: 4 });
    const epoll = fixture.handler<number>(bearer);
    const channels = [];
    for (let i = 0; i < 30; i++) channels.push(await fixture.sockets(bearer));
    const outcomes = await epoll.apply(
      channels.map(({ reader }, value) => ({ add: reader, events: IN, value })),
    );
    expect(outcomes.every(({ status }) => status === 'fulfilled')).toBe(true);
    channels[29]!.write();
    expect((await epoll.wait()).map(({ registration }) => registration.value)).toEqual([29]);
  });

  test('each change says for itself why not', async (context) => {
    const bearer = fixture.bearer();
    const epoll = fixture.handler<string>(bearer);
    const pipe = await fixture.pipe(context, bearer);
    const file = new RawFd(openSync('/proc/self/exe', 'r'));
    const outcomes = await epoll.apply([
      { add: pipe.reader, events: IN, value: 'pipe' },
      { add: pipe.reader, events: IN, value: 'twice' },
      { add: file, events: IN, value: 'file' },
      { add: new RawFd(999_999), events: IN, value: 'closed' },
      { add: epoll.descriptor, events: IN, value: 'itself' },
      { add: pipe.writer, events: IN, value: 'fine' },
    ]);
    const brief = outcomes.map((one) =>
      one.status === 'fulfilled' ? one.value.value : one.reason.code,
    );
    expect(brief).toEqual(['pipe', 'EEXIST', 'EPERM', 'EBADF', 'EINVAL', 'fine']);
    expect(epoll.stats().registrations.used).toBe(2);
  });

  test('changes of one registration follow each other', async (context) => {
    const bearer = fixture.bearer();
    const epoll = fixture.handler<string>(bearer);
    const pipe = await fixture.pipe(context, bearer);
    pipe.write();
    const registration = await epoll.add(pipe.reader, IN, 'pipe');
    const outcomes = await epoll.apply([
      { modify: registration, events: WRITABLE },
      { modify: registration, events: IN.with('ONESHOT') },
      { delete: registration },
      { delete: registration },
      { modify: registration },
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
    ]);
    expect((outcomes[4] as PromiseRejectedResult).reason.code).toBe('REGISTRATION_ENDED');
    expect(epoll.stats().registrations.used).toBe(0);
    expect(await now(epoll)).toEqual([]);
  });

  test('arguments that cannot be, or too little room: nothing is changed', async (context) => {
    const bearer = fixture.bearer();
    const epoll = fixture.handler<string>(bearer, { registrationsMax: 2 });
    const other = fixture.handler<string>(bearer);
    const pipe = await fixture.pipe(context, bearer);
    const foreign = await other.add(pipe.reader, IN, 'other');
    const { submitted } = bearer.stats();
    const good = { add: pipe.reader, events: IN, value: 'x' };
    const bad: [unknown, string | RegExp][] = [
      [[good, good, good], /as 0 of 2 registrations are in use/],
      [[good, { add: 3, events: IN }], /descriptor must be a RawFd/],
      [[good, { add: { number: 1, direct: true }, events: IN }], /direct descriptor 1/],
      [[good, { add: pipe.reader, events: 1 }], /events must be EpollEvents/],
      [[good, { modify: foreign }], /must be one of this handler/],
      [[good, { delete: { ...foreign } }], /must be one of this handler/],
      [[good, {}], /each change must be/],
      [[good, null], /each change must be/],
      [good, /changes must be an array/],
    ];
    for (const [changes, message] of bad) {
      await expect(epoll.apply(changes as never)).rejects.toThrow(message);
    }
    expect(bearer.stats().submitted).toBe(submitted);
    expect(epoll.stats().registrations).toEqual({ limit: 2, used: 0, peak: 0 });
    expect(await epoll.apply([])).toEqual([]);
  });
});

describe('errors say what to do', () => {
  test('ELOOP: instances that watch each other, or too deep', async () => {
    const bearer = fixture.bearer();
    const [a, b] = [fixture.handler<string>(bearer), fixture.handler<string>(bearer)];
    await a.add(b.descriptor, IN, 'b');
    await expect(b.add(a.descriptor, IN, 'a')).rejects.toThrow(/ELOOP.*in a circle/);
    let inner = fixture.handler<string>(bearer);
    let depth = 0;
    let code = 'no error';
    while (code === 'no error' && depth < 10) {
      const outer = fixture.handler<string>(bearer);
      code = await codeOf(outer.add(inner.descriptor, IN, 'inner'));
      inner = outer;
      depth++;
    }
    expect([code, depth]).toEqual(['ELOOP', 5]);
  });

  test('one instance watches another', async (context) => {
    const bearer = fixture.bearer();
    const [inner, outer] = [fixture.handler<string>(bearer), fixture.handler<string>(bearer)];
    const pipe = await fixture.pipe(context, bearer);
    await inner.add(pipe.reader, IN, 'pipe');
    await outer.add(inner.descriptor, IN, 'inner');
    const waited = next(outer);
    bearer.flush();
    pipe.write();
    expect(await waited).toEqual(['inner IN']);
    expect(await next(inner)).toEqual(['pipe IN']);
  });

  test('EPERM, EEXIST, EBADF', async (context) => {
    const bearer = fixture.bearer();
    const epoll = fixture.handler<string>(bearer);
    const pipe = await fixture.pipe(context, bearer);
    await epoll.add(pipe.reader, IN, 'x');
    const file = new RawFd(openSync('/proc/self/exe', 'r'));
    await expect(epoll.add(file, IN, 'x')).rejects.toThrow(/EPERM.*always ready/);
    await expect(epoll.add(pipe.reader, IN, 'x')).rejects.toThrow(/EEXIST.*modify its interest/);
    pipe.closeWriter();
    await expect(epoll.add(pipe.writer, IN, 'x')).rejects.toThrow(/EBADF.*is closed/);
    expect(epoll.stats().registrations.used).toBe(1);
  });
});

test('options that cannot be, and what the kernel does not have', async () => {
  const bearer = fixture.bearer();
  for (const eventsMax of [0, 4097, 1.5, '1']) {
    expect(() => EpollHandler.create(bearer, { eventsMax: eventsMax as never })).toThrow(
      RangeError,
    );
  }
  for (const registrationsMax of [0, 2 ** 20 + 1]) {
    expect(() => EpollHandler.create(bearer, { registrationsMax })).toThrow(/from 1 to 1048576/);
  }
  expect(() => EpollHandler.create(bearer, { waitBy: 'magic' as never })).toThrow(TypeError);
  const old = fixture.bearer('embedded', {}, { disableOpcodes: [OpNumber.EPOLL_WAIT] });
  expect(fixture.handler(old).waitBy).toBe('syscall');
  expect(() => EpollHandler.create(old, { waitBy: 'ring' })).toThrow(/it is in Linux 6\.15/);
  const none = fixture.bearer('embedded', {}, { disableOpcodes: [OpNumber.EPOLL_CTL] });
  const epoll = fixture.handler<string>(none);
  await expect(epoll.add(new RawFd(0), IN, 'x')).rejects.toThrow(/it is in Linux 5\.6/);
  expect(epoll.stats().registrations.used).toBe(0);
});
