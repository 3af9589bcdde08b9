import { FixedFd, RawFd, TargetFd } from '@ringbearer/io-uring-fd';
import { expect, test } from 'vitest';
import { FakeMemory } from '../../test-support/fake-memory.js';
import { compareGoldens } from '../../test-support/goldens.js';
import { dryRun } from '../dry-run.js';
import {
  EpollWait,
  epollMask,
  FilesInstall,
  FilesUpdate,
  FutexWaitV,
  GetSocketOption,
  LinkTimeout,
  Mailbox,
  MsgRing,
  MsgRingFd,
  type OpCode,
  PollUpdate,
  SetSocketOption,
  SocketOption,
  SocketProtocol,
  SocketQueue,
  TcpOption,
  TimeoutUpdate,
  WaitId,
  WaitOption,
} from '../index.js';

const fd = new RawFd(9);
const direct = new FixedFd(9);
const key = { slot: 5, generation: 7 };
const word = new FakeMemory(4, { shared: true });

/** Every entry of the group `control` of sqe-goldens.json, made by us. */
const ours: Record<string, OpCode<unknown>> = {
  'link timeout': new LinkTimeout({ milliseconds: 1 }),
  'link timeout, absolute': new LinkTimeout({ milliseconds: 1, absolute: true, clock: 'boottime' }),
  'timeout update': new TimeoutUpdate({ key, milliseconds: 1 }),
  'link timeout update, absolute': new TimeoutUpdate({
    key,
    milliseconds: 1,
    absolute: true,
    linked: true,
  }),
  'poll update': new PollUpdate({ key, events: epollMask('IN', 'RDHUP') }),
  'poll update, multishot': new PollUpdate({ key, events: epollMask('OUT'), multishot: true }),
  'files update': new FilesUpdate({ first: 5, descriptors: [fd, null, fd] }),
  'files install': new FilesInstall({ descriptors: [fd, fd] }),
  'msg ring': new MsgRing({ ring: fd, key, message: 77 }),
};

// liburing 2.3 has no function for these: from what io_uring/{msg_ring,waitid,futex,epoll,cmd_net}.c of kernel 6.18 reads.
const newer: Record<string, [OpCode<unknown>, string]> = {
  'msg ring fd into any slot': [
    new MsgRingFd({ ring: fd, descriptor: new FixedFd(4) }),
    '28 9 0 0 1 0 0 1 0 0 0 ffffffff 4 0 0 0',
  ],
  'msg ring fd into slot 6': [
    new MsgRingFd({ ring: direct, descriptor: new FixedFd(4), into: TargetFd.slot(6) }),
    '128 9 0 0 1 0 0 1 0 0 0 7 4 0 0 0',
  ],
  mailbox: [new Mailbox(), 'b ffffffff 0 0 1000 1 1 20 0 0 0 0 0 0 0 0'],
  'waitid of a process': [new WaitId({ id: 1234 }), '32 4d2 1000 1 0 0 1 0 0 0 0 1000004 0 0 0 0'],
  'waitid of any': [
    new WaitId({ who: 'any', options: WaitOption.STOPPED }),
    '32 0 1000 1 0 0 0 0 0 0 0 2 0 0 0 0',
  ],
  'futex waitv': [
    new FutexWaitV({
      words: [
        { word, expected: 6 },
        { word, expected: -1 },
      ],
    }),
    '35 0 0 0 1000 1 2 0 0 0 0 0 0 0 0 0',
  ],
  'futex waitv, entries outside': [
    new FutexWaitV({ words: new Array(11).fill({ word, expected: 6 }) }),
    '35 0 0 0 2000 2 b 0 0 0 0 0 0 0 0 0',
  ],
  'epoll wait': [new EpollWait({ epoll: fd, eventsMax: 8 }), '3b 9 0 0 1000 1 8 0 0 0 0 0 0 0 0 0'],
  'socket queue, input': [
    new SocketQueue({ socket: direct, queue: 'input' }),
    '12e 9 0 0 0 0 0 0 0 0 0 0 0 0 0 0',
  ],
  'socket queue, output': [
    new SocketQueue({ socket: fd, queue: 'output' }),
    '2e 9 1 0 0 0 0 0 0 0 0 0 0 0 0 0',
  ],
  getsockopt: [
    new GetSocketOption({ socket: fd, option: SocketOption.LINGER, valueBytes: 8 }),
    '2e 9 2 0 1 d 0 0 0 0 0 8 1000 1 0 0',
  ],
  setsockopt: [
    new SetSocketOption({
      socket: direct,
      level: SocketProtocol.TCP,
      option: TcpOption.KEEPIDLE,
      value: 60,
    }),
    '12e 9 3 0 6 4 0 0 0 0 0 4 1000 1 0 0',
  ],
};

compareGoldens('control', ours, newer);

test('the record has what the address of a link timeout points at: a millisecond', () => {
  const { record } = dryRun(ours['link timeout']!);
  expect(new DataView(record.buffer).getBigUint64(8, true)).toBe(1_000_000n);
});
