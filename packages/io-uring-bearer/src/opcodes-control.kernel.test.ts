// Timeouts of links, updates, messages between rings, futexes, children and socket options, against the kernel this runs on.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { type Descriptor, FixedFd, RawFd, TargetFd } from '@ringbearer/io-uring-fd';
import {
  AddressFamily,
  AsyncCancel,
  Close,
  EpollCtl,
  EpollWait,
  epollMask,
  epollNames,
  FilesInstall,
  FilesUpdate,
  FutexWaitV,
  FutexWake,
  GetSocketOption,
  LinkTimeout,
  Mailbox,
  MsgRing,
  MsgRingFd,
  Nop,
  type OpCodeError,
  PollAdd,
  PollUpdate,
  Recv,
  Send,
  SetSocketOption,
  SocketOption,
  SocketProtocol,
  SocketQueue,
  SocketType,
  SubmissionFlags,
  TcpOption,
  Timeout,
  TimeoutUpdate,
  WaitId,
  WaitOption,
} from '@ringbearer/io-uring-opcode';
import { Epoll } from '@ringbearer/native/ring';
import { describe, expect, test } from 'vitest';
import { encode, KernelFixture, sleep } from '../test-support/kernel-fixture.js';
import { UringBearer } from './index.js';

const { INET, UNIX } = AddressFamily;
const { STREAM, DGRAM } = SocketType;
const fixture = new KernelFixture();
const { run, failure } = fixture;
const linked = { flags: SubmissionFlags.LINK };
const code = (error: OpCodeError) => error.code;
/** A second ring, as another thread's would be, and its descriptor. */
const other = () => {
  const bearer = UringBearer.withCapacity({ CoreQueue: 8, RegisteredFd: 8 });
  return { bearer, ring: bearer.descriptor };
};

describe('LinkTimeout', () => {
  test('ends the operation in front of it, or is in time', async () => {
    const [receiver, sender] = await fixture.pair(DGRAM);
    const memory = fixture.bearer.allocate(16);
    const recv = new Recv({ socket: receiver, memory });
    const timeout = new LinkTimeout({ milliseconds: 20 });
    const started = performance.now();
    const ended = fixture.bearer.submit(recv, linked).catch(code);
    expect([await run(timeout), await ended]).toEqual(['elapsed', 'ECANCELED']);
    expect(performance.now() - started).toBeGreaterThan(18);
    expect(memory.owner.name).toBe('Returned');
    memory.reuse();
    timeout.milliseconds = 60_000;
    const received = fixture.bearer.submit(recv, linked);
    const bound = run(timeout);
    await run(new Send({ socket: sender, data: encode('x') }));
    expect([(await received).length, await bound]).toEqual([1, 'in-time']);
    const nop = fixture.bearer.submit(new Nop(), linked);
    expect([await run(timeout), await nop]).toEqual(['in-time', 0]);
  });

  test('until a time of a clock, and changed in flight', async () => {
    const [receiver] = await fixture.pair(DGRAM);
    const recv = new Recv({ socket: receiver, memory: fixture.bearer.allocate(16) });
    const ended = fixture.bearer.submit(recv, linked).catch(code);
    const timeout = new LinkTimeout({
      milliseconds: Date.now() + 60_000,
      absolute: true,
      clock: 'realtime',
    });
    const elapsed = run(timeout);
    fixture.bearer.flush();
    const milliseconds = Date.now() + 20;
    const update = new TimeoutUpdate({ key: timeout, milliseconds, absolute: true, linked: true });
    expect(await run(update)).toBe(true);
    expect([await elapsed, await ended]).toEqual(['elapsed', 'ECANCELED']);
    expect(await run(update)).toBe(false);
  });
});

describe('TimeoutUpdate and PollUpdate', () => {
  test('a timeout fires at another time', async () => {
    const timeout = new Timeout({ milliseconds: 60_000 });
    const elapsed = run(timeout);
    const update = new TimeoutUpdate({ key: timeout, milliseconds: 5 });
    expect(await run(update)).toBe(true);
    expect(await elapsed).toBe('elapsed');
    expect(await run(update)).toBe(false);
  });

  test('a poll waits for other events, once or again and again', async () => {
    const [receiver, sender] = await fixture.pair(STREAM);
    const poll = new PollAdd({ descriptor: receiver, events: epollMask('PRI') });
    const ready = run(poll);
    const update = new PollUpdate({ key: poll, events: epollMask('OUT') });
    expect(await run(update)).toBe(true);
    expect(epollNames(await ready)).toEqual(['OUT']);
    expect(await run(update)).toBe(false);
    const multi = new PollAdd({ descriptor: receiver, events: epollMask('PRI'), multishot: true });
    const stream = fixture.bearer.stream(multi);
    const first = stream.next();
    fixture.bearer.flush();
    await run(new PollUpdate({ key: multi, events: epollMask('IN'), multishot: true }));
    for (let i = 0; i < 2; i++) {
      await run(new Send({ socket: sender, data: encode('x') }));
      const { value } = i === 0 ? await first : await stream.next();
      expect(epollNames(value)).toContain('IN');
    }
    await stream.return?.();
  });
});

describe('MsgRing and Mailbox', () => {
  test('messages reach a mailbox of another ring, and only that', async () => {
    const { bearer, ring } = other();
    const mailbox = new Mailbox();
    const stream = bearer.stream(mailbox);
    const first = stream.next();
    bearer.flush();
    const key = { slot: mailbox.slot, generation: mailbox.generation };
    const send = new MsgRing({ ring, key, message: 0 });
    for (const message of [0, 7, -4, 0x7fff_ffff, 0xffff_ffff]) {
      send.message = message;
      await run(send);
      const { value } = message === 0 ? await first : await stream.next();
      expect(value).toBe(message | 0);
    }
    await stream.return?.();
    expect(mailbox.inFlight).toBe(false);
    const { stale } = bearer.stats();
    await run(send);
    for (let i = 0; i < 100 && bearer.stats().stale === stale; i++) await sleep(1);
    expect(bearer.stats().stale).toBe(stale + 1);
    await bearer.close();
    const socket = await fixture.socket(UNIX, DGRAM);
    expect(await failure(new MsgRing({ ring: socket, key, message: 1 }))).toBe('EBADFD');
  });

  test.each([TargetFd.auto, TargetFd.slot(5)])(
    'a direct descriptor moves over %#',
    async (into) => {
      const { bearer, ring } = other();
      const [receiver, sender] = await fixture.pair(DGRAM, TargetFd.auto);
      const there = await run(new MsgRingFd({ ring, descriptor: sender, into }));
      if (!into.automatic) expect(there).toEqual(new FixedFd(5));
      await bearer.submit(new Send({ socket: there, data: encode('from over there') }));
      const memory = fixture.bearer.allocate(32);
      expect((await run(new Recv({ socket: receiver, memory }))).length).toBe(15);
      await bearer.submit(new Close({ descriptor: there }));
      const missing = new MsgRingFd({ ring, descriptor: new FixedFd(15), into });
      expect(await failure(missing)).toBe('EBADF');
      await bearer.close();
    },
  );
});

describe('FilesUpdate and FilesInstall', () => {
  test('change slots', async () => {
    const raw = fixture.kept(new RawFd(openSync('/dev/null', 'w')));
    const update = new FilesUpdate({ first: 3, descriptors: [raw, raw, null] });
    expect(await run(update)).toBe(3);
    expect(await run(update.set(3, [null, null]))).toBe(2);
    const closed = new RawFd(openSync('/dev/null', 'w'));
    await run(new Close({ descriptor: closed }));
    expect(await failure(update.set(3, [closed]))).toBe('EBADF');
    expect(await run(update.set(3, [raw, closed]))).toBe(1);
    expect(await run(update.set(3, [null]))).toBe(1);
    expect(await failure(update.set(16, [raw]))).toBe('EINVAL');
  });

  test("fill slots of the kernel's choice", async () => {
    const [receiver, sender] = await fixture.pair(DGRAM);
    const direct = await run(new FilesInstall({ descriptors: [receiver, sender] }));
    expect(new Set(direct.map(({ number }) => number)).size).toBe(2);
    for (const one of direct) fixture.kept(one);
    await run(new Send({ socket: direct[1]!, data: encode('hi') }));
    const memory = fixture.bearer.allocate(8);
    expect((await run(new Recv({ socket: direct[0]!, memory }))).length).toBe(2);
    const rest = await run(new FilesInstall({ descriptors: new Array(30).fill(sender) }));
    expect(rest.length).toBeLessThan(16);
    for (const one of rest) fixture.kept(one);
    expect(await failure(new FilesInstall({ descriptors: [sender] }))).toBe('ENFILE');
  });
});

describe('FutexWaitV', () => {
  test.for([2, 10, 11, 60])('any of %d words wakes it', async (count, context) => {
    fixture.needs(context, 'FUTEX_WAITV');
    const bearer = UringBearer.withCapacity({ CoreQueue: 8, Futexes: 64 });
    const words = Array.from({ length: count }, () => bearer.buffers.futex());
    const wait = new FutexWaitV({ words: words.map((word) => ({ word, expected: 0 })) });
    for (const index of [0, count - 1]) {
      const woken = bearer.submit(wait);
      bearer.flush();
      expect(words[index]!.owner.users).toBe(1);
      expect(await bearer.submit(new FutexWake({ word: words[index]! }))).toBe(1);
      expect(await woken).toBe(index);
      expect(words.every((word) => word.owner.users === 0)).toBe(true);
    }
    words[1]!.store(5);
    expect(await bearer.submit(wait)).toBe('not-equal');
    wait.set([{ word: words[1]!, expected: 5 }]);
    const ended = bearer.submit(wait).catch(code);
    bearer.flush();
    expect(await bearer.submit(new AsyncCancel({ key: wait }))).toBe(1);
    expect(await ended).toBe('ECANCELED');
    await bearer.close();
  });
});

describe('WaitId', () => {
  test('stopped, continued and ended, and node:child_process still hears of it', async (context) => {
    fixture.needs(context, 'WAITID');
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const exited = once(child, 'exit');
    const id = child.pid!;
    const options = WaitOption.STOPPED | WaitOption.CONTINUED;
    const change = new WaitId({ id, options });
    for (const [signal, what] of [
      ['SIGSTOP', 'stopped'],
      ['SIGCONT', 'continued'],
    ] as const) {
      const waited = run(change);
      fixture.bearer.flush();
      child.kill(signal);
      expect(await waited).toMatchObject({ processId: id, userId: process.getuid!(), what });
    }
    const none = new WaitId({ id, options: WaitOption.EXITED | WaitOption.NOHANG });
    expect(await run(none)).toBe(null);
    const ended = run(new WaitId({ id }));
    fixture.bearer.flush();
    child.kill('SIGKILL');
    expect(await ended).toMatchObject({ processId: id, what: 'killed', status: 9 });
    expect(await exited).toEqual([null, 'SIGKILL']);
    expect(await failure(change)).toBe('ECHILD');
  });

  test('can be cancelled', async (context) => {
    fixture.needs(context, 'WAITID');
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const exited = once(child, 'exit');
    const wait = new WaitId({ id: child.pid! });
    const ended = failure(wait);
    fixture.bearer.flush();
    expect(await run(new AsyncCancel({ key: wait }))).toBe(1);
    expect(await ended).toBe('ECANCELED');
    child.kill('SIGKILL');
    await exited;
    expect(await failure(new WaitId({ id: child.pid!, options: 0 }))).toBe('EINVAL');
  });
});

describe('EpollWait', () => {
  test('takes events of an instance', async (context) => {
    fixture.needs(context, 'EPOLL_WAIT');
    const instance = new Epoll();
    const epoll = new RawFd(instance.descriptor);
    const [receiver, sender] = await fixture.pair(DGRAM);
    const data = 2 ** 53 - 1;
    const interest = { epoll, descriptor: receiver, events: epollMask('IN'), data };
    await run(new EpollCtl({ operation: 'add', ...interest }));
    for (const wait of [
      new EpollWait({ epoll }),
      new EpollWait({ epoll, memory: fixture.bearer.allocate(1024) }),
    ]) {
      const ready = run(wait); // waits first
      fixture.bearer.flush();
      await run(new Send({ socket: sender, data: encode('x') }));
      expect(await ready).toEqual([{ events: epollMask('IN'), data }]);
      await run(new Recv({ socket: receiver, memory: fixture.bearer.allocate(8) }));
    }
    const cancelled = new EpollWait({ epoll });
    const ended = failure(cancelled);
    fixture.bearer.flush();
    expect(await run(new AsyncCancel({ key: cancelled }))).toBe(1);
    expect(await ended).toBe('ECANCELED');
    instance.close();
    expect(await failure(new EpollWait({ epoll: receiver }))).toBe('EINVAL');
  });
});

describe('socket commands', () => {
  const both = async (): Promise<Descriptor[]> => [
    await fixture.socket(INET, STREAM),
    await fixture.socket(INET, STREAM, TargetFd.auto),
  ];

  test('options are set and read, of direct descriptors too', async () => {
    for (const socket of await both()) {
      const option = SocketOption.KEEPALIVE;
      const get = new GetSocketOption({ socket, option });
      expect((await run(get)).value).toBe(0);
      await run(new SetSocketOption({ socket, option, value: true }));
      expect(await run(get)).toEqual({ value: 1, bytes: new Uint8Array([1, 0, 0, 0]) });
      const linger = new Uint8Array(Uint32Array.from([1, 5]).buffer);
      await run(new SetSocketOption({ socket, option: SocketOption.LINGER, value: linger }));
      const asked = new GetSocketOption({ socket, option: SocketOption.LINGER, valueBytes: 8 });
      expect((await run(asked)).bytes).toEqual(linger);
      const level = SocketProtocol.TCP;
      await run(new SetSocketOption({ socket, level, option: TcpOption.NODELAY, value: 1 }));
      expect(await failure(new SetSocketOption({ socket, level, option: 9999, value: 1 }))).toBe(
        'ENOPROTOOPT',
      );
      expect(await failure(new GetSocketOption({ socket, option: 9999 }))).toBe('ENOPROTOOPT');
    }
    // Older kernels have no commands for Unix sockets.
    const unix = await fixture.socket(UNIX, DGRAM);
    const type = run(new GetSocketOption({ socket: unix, option: SocketOption.TYPE }));
    expect([DGRAM, 'EOPNOTSUPP']).toContain(await type.then(({ value }) => value, code));
  });

  test('queues say what waits', async () => {
    const { ours, theirs } = await fixture.tcp();
    const input = new SocketQueue({ socket: ours, queue: 'input' });
    expect(await run(input)).toBe(0);
    theirs.write('twelve bytes');
    for (let i = 0; i < 100 && (await run(input)) < 12; i++) await sleep(1);
    expect(await run(input)).toBe(12);
    theirs.pause();
    await run(new Send({ socket: ours, data: new Uint8Array(1000) }));
    const output = await run(new SocketQueue({ socket: ours, queue: 'output' }));
    expect(output).toBeLessThanOrEqual(1000);
    theirs.destroy();
    const unix = await fixture.socket(UNIX, STREAM);
    expect(await failure(new SocketQueue({ socket: unix, queue: 'input' }))).toBe('EOPNOTSUPP');
  });
});
