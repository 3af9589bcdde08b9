import { FixedFd, RawFd, TargetFd } from '@ringbearer/io-uring-fd';
import { describe, expect, test } from 'vitest';
import { fakeCqe } from '../../test-support/fake-cqe.js';
import { FakeMemory } from '../../test-support/fake-memory.js';
import { CqeFlag, Errno } from '../abi.generated.js';
import { dryRun } from '../dry-run.js';
import { occupy } from '../in-flight.js';
import { FutexWaitV } from './futex/futex-wait-v.js';
import { FilesInstall } from './meta/files-install.js';
import { FilesUpdate } from './meta/files-update.js';
import { Mailbox } from './msg/mailbox.js';
import { MsgRing } from './msg/msg-ring.js';
import { MsgRingFd } from './msg/msg-ring-fd.js';
import { GetSocketOption } from './net/get-socket-option.js';
import { SetSocketOption } from './net/set-socket-option.js';
import { SocketQueue } from './net/socket-queue.js';
import { EPOLL_EVENT_BYTES } from './poll/epoll-event.js';
import { EpollWait } from './poll/epoll-wait.js';
import { PollUpdate } from './poll/poll-update.js';
import { WaitId } from './process/wait-id.js';
import { LinkTimeout } from './time/link-timeout.js';
import { TimeoutUpdate } from './time/timeout-update.js';

const key = { slot: 1, generation: 2 };
const socket = new RawFd(3);
const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);

describe('LinkTimeout', () => {
  test('says which came first', () => {
    const timeout = new LinkTimeout({ milliseconds: 5 });
    for (const errno of [Errno.ETIME, Errno.EALREADY]) {
      expect(timeout.complete(fakeCqe(-errno))).toBe('elapsed');
    }
    for (const res of [-Errno.ECANCELED, -Errno.ENOENT, 0]) {
      expect(timeout.complete(fakeCqe(res))).toBe('in-time');
    }
    expect(() => timeout.complete(fakeCqe(-Errno.EINVAL))).toThrow(/link_timeout failed: EINVAL/);
  });
  test('milliseconds may change between submissions', () => {
    const timeout = new LinkTimeout({ milliseconds: 5 });
    timeout.milliseconds = 2500;
    expect(dryRun(timeout).record.slice(0, 12)).toEqual(words(2, 0, 500_000_000));
    expect(timeout.milliseconds).toBe(2500);
    occupy(timeout);
    expect(() => {
      timeout.milliseconds = 1;
    }).toThrow(/the kernel holds it/);
    expect(() => new LinkTimeout({ milliseconds: -1 })).toThrow(RangeError);
    expect(() => new LinkTimeout({ milliseconds: 1, clock: 'tai' as never })).toThrow(/clock/);
  });
});

test.each([
  [
    'TimeoutUpdate',
    () => new TimeoutUpdate({ key, milliseconds: 5 }),
    [Errno.ENOENT, Errno.EALREADY, Errno.EBUSY],
  ],
  ['PollUpdate', () => new PollUpdate({ key, events: 1 }), [Errno.ENOENT, Errno.EALREADY]],
] as const)('%s says whether it was found', (_, make, missing) => {
  const update = make();
  expect(update.complete(fakeCqe(0))).toBe(true);
  for (const errno of missing) expect(update.complete(fakeCqe(-errno))).toBe(false);
  expect(() => update.complete(fakeCqe(-Errno.EINVAL))).toThrow(/EINVAL/);
});

test('updates refuse keys of what is not in flight', () => {
  const idle = new LinkTimeout({ milliseconds: 1 });
  expect(() => new TimeoutUpdate({ key: idle, milliseconds: 1 })).toThrow(/key.slot/);
  expect(() => new TimeoutUpdate({ key, milliseconds: Number.NaN })).toThrow(/milliseconds/);
  expect(new TimeoutUpdate({ key, milliseconds: 1, linked: true }).since).toBe('5.15');
  expect(() => new PollUpdate({ key: null as never, events: 1 })).toThrow(TypeError);
  expect(() => new PollUpdate({ key, events: 2 ** 32 })).toThrow(/events/);
});

describe('EpollWait', () => {
  test('decodes what the kernel left', () => {
    const record =
      process.arch === 'x64' ? words(1, 7, 0, 4, 5, 256) : words(1, 0, 7, 0, 4, 0, 5, 256);
    const wait = new EpollWait({ epoll: socket });
    expect(wait.complete(fakeCqe(2, 0, record))).toEqual([
      { events: 1, data: 7 },
      { events: 4, data: 2 ** 40 + 5 },
    ]);
    expect(wait.complete(fakeCqe(0))).toEqual([]);
    expect(() => wait.complete(fakeCqe(-Errno.EINVAL))).toThrow(/epoll_wait failed: EINVAL/);
  });
  test('has bounds', () => {
    expect(() => new EpollWait({ epoll: socket, eventsMax: 17 })).toThrow(
      'Cannot wait as eventsMax must be an integer from 1 to 16: current value is 17',
    );
    expect(() => new EpollWait({ epoll: 3 as never })).toThrow(TypeError);
    const memory = new FakeMemory(EPOLL_EVENT_BYTES * 3 + 1);
    expect(() => new EpollWait({ epoll: socket, memory, eventsMax: 4 })).toThrow(
      'Cannot wait as eventsMax must be an integer from 1 to 3: current value is 4',
    );
    const small = new FakeMemory(EPOLL_EVENT_BYTES - 1);
    expect(() => new EpollWait({ epoll: socket, memory: small })).toThrow(RangeError);
    expect(() => new EpollWait({ epoll: socket, memory: new Uint8Array(64) as never })).toThrow(
      'Cannot wait as memory must be kernel memory: current value is an object of type Uint8Array',
    );
  });
  test('writes into memory of its own, which is the kernel’s meanwhile', () => {
    const memory = new FakeMemory(EPOLL_EVENT_BYTES * 20);
    const wait = new EpollWait({ epoll: socket, memory });
    expect(dryRun(wait).words.subarray(4, 7)).toEqual(new Uint32Array([0xffff_f000, 3, 20]));
    wait.acquire();
    expect(memory.owner.name).toBe('Kernel');
    expect(() => new EpollWait({ epoll: socket, memory }).acquire()).toThrow(/take/);
    new DataView(memory.unsafe.bytes.buffer).setUint32(EPOLL_EVENT_BYTES * 19, 4, true);
    wait.release();
    expect(memory.owner.name).toBe('Returned');
    expect(wait.complete(fakeCqe(20)).at(-1)).toEqual({ events: 4, data: 0 });
  });
});

describe('FutexWaitV', () => {
  const word = () => new FakeMemory(4, { shared: true });
  test('its entries carry value, address and flags', () => {
    const wait = new FutexWaitV({ words: [{ word: word(), expected: -1 }] });
    expect(dryRun(wait).record.slice(0, 24)).toEqual(
      words(0xffff_ffff, 0, 0xffff_f000, 3, 0x82, 0),
    );
    wait.set(new Array(128).fill({ word: word(), expected: 1 }));
    expect(dryRun(wait).words[6]).toBe(128);
  });
  test('drives all owners, or none', () => {
    const [one, two] = [word(), new FakeMemory(4)];
    const wait = new FutexWaitV({ words: [one, two].map((w) => ({ word: w, expected: 0 })) });
    wait.acquire();
    expect([one.owner.users, two.owner.users]).toEqual([1, 1]);
    wait.release();
    expect([one.owner.users, two.owner.name]).toEqual([0, 'Returned']);
    expect(() => wait.acquire()).toThrow(expect.objectContaining({ code: 'OWNER_RETURNED' }));
    expect(one.owner.users).toBe(0);
    two.owner.reuse();
    wait.acquire();
    wait.rollback();
    expect(one.owner.users).toBe(0);
  });
  test('says which word was woken', () => {
    const wait = new FutexWaitV({ words: [{ word: word(), expected: 0 }] });
    expect(wait.complete(fakeCqe(3))).toBe(3);
    expect(wait.complete(fakeCqe(-Errno.EAGAIN))).toBe('not-equal');
    expect(() => wait.complete(fakeCqe(-Errno.ECANCELED))).toThrow(/ECANCELED/);
    occupy(wait);
    expect(() => wait.set([])).toThrow(/the kernel holds it/);
  });
  test.each([
    [undefined, TypeError, /words must be an array/],
    [[], RangeError, /words.length must be an integer from 1 to 128/],
    [new Array(129).fill({ word: word(), expected: 0 }), RangeError, /129/],
    [[null], TypeError, /word must be a FutexWord/],
    [[{ word: new FakeMemory(8), expected: 0 }], RangeError, /4 bytes long/],
    [[{ word: word(), expected: 2 ** 32 }], RangeError, /expected/],
  ])('refuses %#', (list, type, message) => {
    const run = () => new FutexWaitV({ words: list as never });
    expect(run).toThrow(type);
    expect(run).toThrow(message);
  });
});

describe('WaitId', () => {
  test('decodes siginfo', () => {
    const wait = new WaitId({ id: 9 });
    const info = (code: number, status: number) => words(17, 0, code, 0, 1234, 1000, status);
    expect(wait.complete(fakeCqe(0, 0, info(1, 3)))).toEqual({
      processId: 1234,
      userId: 1000,
      what: 'exited',
      status: 3,
    });
    for (const [code, what] of ['killed', 'dumped', 'trapped', 'stopped', 'continued'].entries()) {
      expect(wait.complete(fakeCqe(0, 0, info(code + 2, 9)))?.what).toBe(what);
    }
    expect(wait.complete(fakeCqe(0))).toBe(null);
    expect(() => wait.complete(fakeCqe(-Errno.ECHILD))).toThrow(/waitid failed: ECHILD/);
  });
  test('is reusable, and clears what was there', () => {
    const wait = new WaitId({ who: 'pidfd', id: 9 });
    expect([dryRun(wait.set(10)).words[1], dryRun(wait).words[6]]).toEqual([10, 3]);
    occupy(wait);
    expect(() => wait.set(1)).toThrow(/the kernel holds it/);
    expect(() => new WaitId({ who: 'nobody' as never })).toThrow(
      'Cannot wait for a child as who must be process, group, any or pidfd: current value is "nobody"',
    );
    expect(() => new WaitId({ id: -1 })).toThrow(/id/);
  });
});

describe('MsgRing, MsgRingFd and Mailbox', () => {
  const ring = new RawFd(20);
  test('a message is any 32-bit integer', () => {
    const send = new MsgRing({ ring, key, message: 0xffff_ffff });
    expect(dryRun(send).words[6]).toBe(0xffff_ffff);
    send.message = -5;
    expect([send.message, dryRun(send).words[6]! | 0]).toEqual([-5, -5]);
    expect(send.complete(fakeCqe(0))).toBe(undefined);
    expect(() => send.complete(fakeCqe(-Errno.EBADFD))).toThrow(/msg_ring failed: EBADFD/);
    occupy(send);
    expect(() => {
      send.message = 1;
    }).toThrow(/the kernel holds it/);
    expect(() => new MsgRing({ ring, key, message: 2 ** 32 })).toThrow(/message/);
    expect(() => new MsgRing({ ring, key: new Mailbox(), message: 1 })).toThrow(/key.slot/);
    expect(() => new MsgRing({ ring: 20 as never, key, message: 1 })).toThrow(TypeError);
  });
  test('a mailbox gives every message as it is, and fails only at its end', () => {
    const mailbox = new Mailbox();
    expect(mailbox.complete(fakeCqe(-4, CqeFlag.MORE))).toBe(-4);
    expect(() => mailbox.complete(fakeCqe(-Errno.ECANCELED))).toThrow(/ECANCELED/);
    expect(mailbox.rearms(fakeCqe(0))).toBe(false);
  });
  test('a descriptor arrives in a slot', () => {
    const send = new MsgRingFd({ ring, descriptor: new FixedFd(4) });
    expect(send.complete(fakeCqe(6))).toEqual(new FixedFd(6));
    const into = TargetFd.slot(3);
    expect(new MsgRingFd({ ring, descriptor: new FixedFd(4), into }).complete(fakeCqe(0))).toEqual(
      new FixedFd(3),
    );
    expect(dryRun(send.set(new FixedFd(5))).words[12]).toBe(5);
    expect(() => send.complete(fakeCqe(-Errno.ENFILE))).toThrow(/ENFILE/);
    occupy(send);
    expect(() => send.set(new FixedFd(5))).toThrow(/the kernel holds it/);
    expect(() => new MsgRingFd({ ring, descriptor: socket })).toThrow(/must be a FixedFd/);
    const raw = { ring, descriptor: new FixedFd(4), into: TargetFd.raw };
    expect(() => new MsgRingFd(raw)).toThrow(/into must be TargetFd.auto or a slot/);
  });
});

describe('FilesUpdate and FilesInstall', () => {
  test('carry the numbers in the record', () => {
    const update = new FilesUpdate({ first: 5, descriptors: [socket, null] });
    expect(dryRun(update).record.slice(0, 8)).toEqual(words(3, 0xffff_ffff));
    expect(dryRun(update.set(9, [socket])).words[2]).toBe(9);
    expect(update.complete(fakeCqe(2))).toBe(2);
    expect(() => update.complete(fakeCqe(-Errno.EBADF))).toThrow(/files_update failed: EBADF/);
    const install = new FilesInstall({ descriptors: [socket] });
    expect(dryRun(install.set([socket, socket])).words[6]).toBe(2);
    expect(install.complete(fakeCqe(2, 0, words(7, 9)))).toEqual([new FixedFd(7), new FixedFd(9)]);
    occupy(update);
    occupy(install);
    expect(() => update.set(0, [null])).toThrow(/the kernel holds it/);
    expect(() => install.set([socket])).toThrow(/the kernel holds it/);
  });
  test.each([
    [{ first: 0, descriptors: [] }, /descriptors.length must be an integer from 1 to 64/],
    [{ first: 0, descriptors: new Array(65).fill(null) }, /65/],
    [{ first: 0, descriptors: [new FixedFd(1)] }, /descriptors\[0\] must be a RawFd/],
    [{ first: -1, descriptors: [null] }, /first/],
    [{ first: 0, descriptors: 5 }, /descriptors must be an array: current value is 5/],
  ])('refuse %#', (options, message) => {
    expect(() => new FilesUpdate(options as never)).toThrow(message);
  });
  test('a slot cannot be installed empty', () => {
    expect(() => new FilesInstall({ descriptors: [null as never] })).toThrow(TypeError);
  });
});

describe('socket commands', () => {
  test('SocketQueue gives bytes', () => {
    const queue = new SocketQueue({ socket, queue: 'input' });
    expect(queue.complete(fakeCqe(9))).toBe(9);
    expect(dryRun(queue.set(new FixedFd(4))).words[1]).toBe(4);
    expect(() => queue.complete(fakeCqe(-Errno.EINVAL))).toThrow(/uring_cmd failed: EINVAL/);
    occupy(queue);
    expect(() => queue.set(socket)).toThrow(/the kernel holds it/);
    expect(() => new SocketQueue({ socket, queue: 'both' as never })).toThrow(
      'Cannot ask for a queue as queue must be input or output: current value is "both"',
    );
  });
  test('GetSocketOption gives the int and the bytes', () => {
    const get = new GetSocketOption({ socket, option: 1, valueBytes: 8 });
    expect(get.complete(fakeCqe(8, 0, words(0xffff_ffff, 5)))).toEqual({
      value: -1,
      bytes: words(0xffff_ffff, 5),
    });
    expect(dryRun(get.set(new FixedFd(4))).words[1]).toBe(4);
    expect(() => get.complete(fakeCqe(-Errno.ENOPROTOOPT))).toThrow(/ENOPROTOOPT/);
    occupy(get);
    expect(() => get.set(socket)).toThrow(/the kernel holds it/);
    expect(() => new GetSocketOption({ socket, option: 1, valueBytes: 257 })).toThrow(/valueBytes/);
    expect(() => new GetSocketOption({ socket, option: -1 })).toThrow(/option/);
  });
  test('SetSocketOption takes integers, booleans and bytes', () => {
    const record = (value: number | boolean | Uint8Array) => {
      const dry = dryRun(new SetSocketOption({ socket, option: 1, value }));
      return dry.record.slice(0, dry.words[11]);
    };
    expect(record(true)).toEqual(words(1));
    expect(record(-2)).toEqual(words(0xffff_fffe));
    const bytes = words(1, 2, 3);
    expect(record(bytes)).toEqual(bytes);
    const set = new SetSocketOption({ socket, option: 1, value: bytes });
    bytes.fill(0);
    expect(dryRun(set.set(new FixedFd(4))).record[4]).toBe(2);
    expect(set.complete(fakeCqe(0))).toBe(undefined);
    expect(() => set.complete(fakeCqe(-Errno.EINVAL))).toThrow(/EINVAL/);
    occupy(set);
    expect(() => set.set(socket)).toThrow(/the kernel holds it/);
    for (const wrong of ['1', null, undefined]) {
      expect(() => new SetSocketOption({ socket, option: 1, value: wrong as never })).toThrow(
        /value must be a number, a boolean or a Uint8Array/,
      );
    }
    expect(() => record(new Uint8Array(257))).toThrow(/value.length/);
    expect(() => record(0.5)).toThrow(RangeError);
  });
});
