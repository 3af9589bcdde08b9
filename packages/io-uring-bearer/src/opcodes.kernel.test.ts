// The opcodes that are not about sockets, against the kernel this runs on.

import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Descriptor, FixedFd, RawFd, TargetFd } from '@ringbearer/io-uring-fd';
import {
  AddressFamily,
  AsyncCancel,
  Close,
  EpollCtl,
  epollMask,
  epollNames,
  FixedFdInstall,
  FutexWait,
  FutexWake,
  Nop,
  PollAdd,
  PollRemove,
  Read,
  Recv,
  Send,
  Shutdown,
  ShutdownHow,
  Socket,
  SocketType,
  Timeout,
  TimeoutRemove,
  Write,
} from '@ringbearer/io-uring-opcode';
import { Epoll } from '@ringbearer/native/ring';
import { afterAll, describe, expect, test } from 'vitest';
import { encode, KernelFixture } from '../test-support/kernel-fixture.js';
import { UringBearer } from './index.js';

const { INET, UNIX } = AddressFamily;
const { STREAM, DGRAM } = SocketType;
const fixture = new KernelFixture();
const { run, failure } = fixture;

describe('Nop', () => {
  test('completes, and again', async () => {
    const nop = new Nop();
    expect([await run(nop), await run(nop)]).toEqual([0, 0]);
  });
  test('answers what it is told', async () => {
    expect(await run(new Nop({ result: 42 }))).toBe(42);
    expect(await failure(new Nop({ result: -5 }))).toBe('EIO');
  });
});

describe('FutexWait and FutexWake', () => {
  test('a wake-up reaches the waiters of other rings', async (context) => {
    fixture.needs(context, 'FUTEX_WAIT', 'FUTEX_WAKE');
    const other = UringBearer.withCapacity({ CoreQueue: 8 });
    const word = fixture.bearer.buffers.futex();
    const waits = [
      run(new FutexWait({ word, expected: 0 })),
      run(new FutexWait({ word, expected: 0 })),
      other.submit(new FutexWait({ word, expected: 0 })),
    ];
    fixture.bearer.flush();
    other.flush();
    expect(word.owner.users).toBe(3);
    word.store(1);
    expect(await run(new FutexWake({ word, count: 1 }))).toBe(1);
    expect(await run(new FutexWake({ word }))).toBe(2);
    expect(await Promise.all(waits)).toEqual(['ok', 'ok', 'ok']);
    expect(word.owner.users).toBe(0);
    await other.close();
  });

  test('a word that has changed is not waited for', async (context) => {
    fixture.needs(context, 'FUTEX_WAIT');
    const word = fixture.bearer.buffers.futex();
    word.store(-7);
    const wait = new FutexWait({ word, expected: 0 });
    expect(await run(wait)).toBe('not-equal');
    wait.expected = word.load();
    const waited = run(wait);
    fixture.bearer.flush();
    expect(await run(new FutexWake({ word }))).toBe(1);
    expect(await waited).toBe('ok');
  });

  test('a wake-up reaches only waiters whose bits it meets', async (context) => {
    fixture.needs(context, 'FUTEX_WAIT', 'FUTEX_WAKE');
    const word = fixture.bearer.buffers.futex();
    const [one, two] = [1, 2].map((mask) => run(new FutexWait({ word, expected: 0, mask })));
    fixture.bearer.flush();
    expect(await run(new FutexWake({ word, mask: 4 }))).toBe(0);
    expect(await run(new FutexWake({ word, mask: 2 }))).toBe(1);
    expect(await two).toBe('ok');
    expect(await run(new FutexWake({ word }))).toBe(1);
    expect(await one).toBe('ok');
  });

  test('a wait can be cancelled', async (context) => {
    fixture.needs(context, 'FUTEX_WAIT');
    const word = fixture.bearer.buffers.futex();
    const wait = new FutexWait({ word, expected: 0 });
    const ended = failure(wait);
    fixture.bearer.flush();
    expect(await run(new AsyncCancel({ key: wait }))).toBe(1);
    expect(await ended).toBe('ECANCELED');
    expect(word.owner.users).toBe(0);
  });
});

describe('EpollCtl', () => {
  const instance = new Epoll();
  afterAll(() => instance.close());
  const epollFd = () => new RawFd(instance.descriptor);
  const interest = (epoll: Descriptor, descriptor: Descriptor) =>
    new RegExp(`tfd:\\s+${descriptor.number} events:\\s+(\\w+) data:\\s+(\\w+)`)
      .exec(readFileSync(`/proc/self/fdinfo/${epoll.number}`, 'utf8'))
      ?.slice(1)
      .map((hex) => Number.parseInt(hex, 16));

  test('adds, changes and deletes an interest', async () => {
    const epoll = epollFd();
    const descriptor = await fixture.socket(UNIX, DGRAM);
    const add = new EpollCtl({
      epoll,
      operation: 'add',
      descriptor,
      events: epollMask('PRI'),
      data: descriptor.number,
    });
    await run(add);
    expect(interest(epoll, descriptor)).toEqual([
      epollMask('PRI', 'ERR', 'HUP'),
      descriptor.number,
    ]);
    expect(await failure(add)).toBe('EEXIST');
    await run(
      new EpollCtl({
        epoll,
        operation: 'modify',
        descriptor,
        events: epollMask('PRI', 'RDHUP'),
        data: 2 ** 40 + 3,
      }),
    );
    expect(interest(epoll, descriptor)).toEqual([
      epollMask('PRI', 'RDHUP', 'ERR', 'HUP'),
      2 ** 40 + 3,
    ]);
    const remove = new EpollCtl({ epoll, operation: 'delete', descriptor });
    await run(remove);
    expect(interest(epoll, descriptor)).toBe(undefined);
    expect(await failure(remove)).toBe('ENOENT');
  });

  test('refuses regular files and what is no instance', async () => {
    const file = fixture.kept(new RawFd(openSync(join(fixture.folder, 'regular'), 'w')));
    expect(
      await failure(
        new EpollCtl({ epoll: epollFd(), operation: 'add', descriptor: file, events: 1 }),
      ),
    ).toBe('EPERM');
    const descriptor = await fixture.socket(UNIX, DGRAM);
    expect(
      await failure(new EpollCtl({ epoll: descriptor, operation: 'add', descriptor, events: 1 })),
    ).toBe('EINVAL');
  });
});

describe('Close', () => {
  test('frees regular and direct descriptors', async () => {
    const close = new Close({ descriptor: new RawFd(openSync('/dev/null', 'r')) });
    await run(close);
    expect(await failure(close)).toBe('EBADF');
    const direct = await run(new Socket({ family: INET, type: STREAM, into: TargetFd.slot(7) }));
    await run(close.set(direct));
    expect(await failure(close)).toBe('EBADF');
  });
});

describe('AsyncCancel', () => {
  test.each([TargetFd.raw, TargetFd.auto])('by descriptor, the first or all %#', async (into) => {
    const [receiver, sender] = await fixture.pair(DGRAM, into);
    const other = failure(new Recv({ socket: sender, memory: fixture.bearer.allocate(16) }));
    const ended = [0, 1, 2].map(() =>
      failure(new Recv({ socket: receiver, memory: fixture.bearer.allocate(16) })),
    );
    fixture.bearer.flush();
    expect(await run(new AsyncCancel({ descriptor: receiver }))).toBe(1);
    expect(await run(new AsyncCancel({ descriptor: receiver, all: true }))).toBe(2);
    expect(await Promise.all(ended)).toEqual(['ECANCELED', 'ECANCELED', 'ECANCELED']);
    expect(await run(new AsyncCancel({ descriptor: receiver, all: true }))).toBe(0);
    expect(await run(new AsyncCancel({ any: true, all: true }))).toBe(1);
    expect(await other).toBe('ECANCELED');
  });

  test('by a key whose operation is over finds nothing', async () => {
    const nop = new Nop();
    let key = { slot: -1, generation: -1 };
    const done = run(nop);
    key = { slot: nop.slot, generation: nop.generation };
    await done;
    expect(await run(new AsyncCancel({ key }))).toBe(0);
  });
});

describe('Timeout', () => {
  test('waits as long as it is told', async () => {
    const started = performance.now();
    expect(await run(new Timeout({ milliseconds: 30.5 }))).toBe('elapsed');
    expect(performance.now() - started).toBeGreaterThanOrEqual(30);
  });

  test.each([
    ['monotonic', () => Number(process.hrtime.bigint()) / 1e6],
    ['realtime', () => Date.now()],
  ] as const)('waits until a time of the %s clock', async (clock, now) => {
    const started = performance.now();
    await run(new Timeout({ milliseconds: now() + 30, absolute: true, clock }));
    expect(performance.now() - started).toBeGreaterThan(20);
    expect(await run(new Timeout({ milliseconds: 1, absolute: true, clock }))).toBe('elapsed');
  });

  test('ends early once enough other operations completed', async () => {
    const timeout = run(new Timeout({ milliseconds: 60_000, count: 2 }));
    fixture.bearer.flush();
    await run(new Nop());
    await run(new Nop());
    expect(await timeout).toBe('counted');
  });

  test('repeats as often as it is told, or until it is cancelled', async () => {
    const five: string[] = [];
    for await (const tick of fixture.bearer.stream(new Timeout({ milliseconds: 1, repeat: 5 })))
      five.push(tick);
    expect(five).toEqual(new Array(5).fill('elapsed'));
    let ticks = 0;
    for await (const _ of fixture.bearer.stream(
      new Timeout({ milliseconds: 1, repeat: Number.POSITIVE_INFINITY }),
    )) {
      if (++ticks === 7) break;
    }
    expect(ticks).toBe(7);
  });

  test('TimeoutRemove ends it', async () => {
    const timeout = new Timeout({ milliseconds: 60_000 });
    const ended = failure(timeout);
    const remove = new TimeoutRemove({ key: timeout });
    expect(await run(remove)).toBe(true);
    expect(await ended).toBe('ECANCELED');
    expect(await run(remove)).toBe(false);
  });
});

describe('PollAdd and PollRemove', () => {
  test('wait for readiness once', async () => {
    const [receiver, sender] = await fixture.pair(STREAM, TargetFd.auto);
    expect(
      epollNames(await run(new PollAdd({ descriptor: sender, events: epollMask('OUT') }))),
    ).toEqual(['OUT']);
    const poll = run(new PollAdd({ descriptor: receiver, events: epollMask('IN', 'RDHUP') }));
    fixture.bearer.flush();
    await run(new Shutdown({ socket: sender, how: ShutdownHow.WR }));
    expect(epollNames(await poll)).toEqual(['IN', 'RDHUP']);
  });

  test('wait for readiness again and again', async () => {
    const [receiver, sender] = await fixture.pair(DGRAM);
    const stream = fixture.bearer.stream(
      new PollAdd({ descriptor: receiver, events: epollMask('IN'), multishot: true }),
    );
    for (let i = 0; i < 3; i++) {
      await run(new Send({ socket: sender, data: encode('x') }));
      const { value } = await stream.next();
      expect(epollNames(value)).toContain('IN');
      await run(new Recv({ socket: receiver, memory: fixture.bearer.allocate(16) }));
    }
    await stream.return?.();
  });

  test('a poll that is removed is cancelled', async () => {
    const [descriptor] = await fixture.pair(STREAM);
    const poll = new PollAdd({ descriptor, events: epollMask('IN') });
    const ended = failure(poll);
    const remove = new PollRemove({ key: poll });
    expect(await run(remove)).toBe(true);
    expect(await ended).toBe('ECANCELED');
    expect(await run(remove)).toBe(false);
  });
});

describe('Read and Write', () => {
  test('at positions of a file, and at its own', async () => {
    const path = join(fixture.folder, 'file');
    const descriptor = fixture.kept(new RawFd(openSync(path, 'w+')));
    const write = new Write({ descriptor, data: encode('0123456789'), position: 0 });
    expect(await run(write)).toBe(10);
    write.position = 5_000_000_000;
    expect(await run(write.set(encode('far')))).toBe(3);
    const memory = fixture.bearer.allocate(64);
    const read = new Read({ descriptor, memory, length: 4, position: 3 });
    const bytes = async () => {
      const { length } = await run(read);
      const text = memory.toString().slice(0, length);
      memory.reuse();
      return text;
    };
    expect(await bytes()).toBe('3456');
    read.position = 5_000_000_000;
    expect(await bytes()).toBe('far');
    read.position = -1;
    expect([await bytes(), await bytes(), await bytes()]).toEqual(['0123', '4567', '89\0\0']);
  });

  test('fail as read(2) and write(2) do', async () => {
    const directory = fixture.kept(new RawFd(openSync(fixture.folder, 'r')));
    expect(
      await failure(new Read({ descriptor: directory, memory: fixture.bearer.allocate(8) })),
    ).toBe('EISDIR');
    const closed = new RawFd(openSync('/dev/null', 'r'));
    closeSync(closed.number);
    expect(await failure(new Write({ descriptor: closed, data: encode('x') }))).toBe('EBADF');
    const full = fixture.kept(new RawFd(openSync('/dev/full', 'w')));
    expect(await failure(new Write({ descriptor: full, data: encode('x') }))).toBe('ENOSPC');
  });
});

describe('FixedFdInstall', () => {
  test('gives a direct descriptor a number, close-on-exec or not', async (context) => {
    fixture.needs(context, 'FIXED_FD_INSTALL');
    const [receiver, sender] = await fixture.pair(DGRAM, TargetFd.auto);
    for (const closeOnExec of [true, false]) {
      const raw = fixture.kept(await run(new FixedFdInstall({ descriptor: sender, closeOnExec })));
      const info = readFileSync(`/proc/self/fdinfo/${raw.number}`, 'utf8');
      expect((Number.parseInt(/flags:\s+(\d+)/.exec(info)![1]!, 8) & 0o2000000) !== 0).toBe(
        closeOnExec,
      );
      await run(new Send({ socket: raw, data: encode('hi') }));
      expect(
        (await run(new Recv({ socket: receiver, memory: fixture.bearer.allocate(8) }))).length,
      ).toBe(2);
    }
    expect(await failure(new FixedFdInstall({ descriptor: new FixedFd(15) }))).toBe('EBADF');
  });
});
