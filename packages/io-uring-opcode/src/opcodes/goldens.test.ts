import { FixedFd, RawFd, TargetFd } from '@ringbearer/io-uring-fd';
import { expect, test } from 'vitest';
import { FakeMemory } from '../../test-support/fake-memory.js';
import { compareGoldens } from '../../test-support/goldens.js';
import { dryRun } from '../dry-run.js';
import {
  Accept,
  AcceptMulti,
  AddressFamily,
  AsyncCancel,
  Bind,
  Close,
  Connect,
  EpollCtl,
  epollMask,
  FixedFdInstall,
  FutexWait,
  FutexWake,
  Listen,
  Nop,
  type OpCode,
  PollAdd,
  PollRemove,
  ProvideBuffers,
  Read,
  Recv,
  RecvMulti,
  RemoveBuffers,
  Send,
  SendZc,
  Shutdown,
  ShutdownHow,
  Socket,
  SocketProtocol,
  SocketType,
  Timeout,
  TimeoutRemove,
  Write,
} from '../index.js';

const fd = new RawFd(9);
const direct = new FixedFd(9);
const key = { slot: 5, generation: 7 };
const memory = new FakeMemory(8192);
const bytes = new Uint8Array(5);
const provision = Object.assign(new FakeMemory(8192, { shared: true }), {
  group: 515,
  firstBid: 3,
  count: 8,
  bufferBytes: 1024,
});
const loopback = { family: 'IPv4', address: '127.0.0.1', port: 80 } as const;
const loopback6 = { family: 'IPv6', address: '::1', port: 80 } as const;

/** Every entry of the first group of sqe-goldens.json, made by us. */
const ours: Record<string, OpCode<unknown>> = {
  nop: new Nop(),
  accept: new Accept({ listener: fd }),
  'accept without peer, non-blocking': new Accept({ listener: fd, peer: false, nonBlocking: true }),
  'accept into slot 4': new Accept({ listener: fd, into: TargetFd.slot(4) }),
  'accept into any slot, listener direct': new Accept({ listener: direct, into: TargetFd.auto }),
  'accept multi': new AcceptMulti({ listener: fd }),
  'accept multi direct': new AcceptMulti({ listener: fd, direct: true }),
  socket: new Socket({
    family: AddressFamily.INET,
    type: SocketType.STREAM,
    protocol: SocketProtocol.TCP,
  }),
  'socket into slot 4': new Socket({
    family: AddressFamily.UNIX,
    type: SocketType.DGRAM,
    into: TargetFd.slot(4),
  }),
  'socket into any slot': new Socket({
    family: AddressFamily.INET6,
    type: SocketType.STREAM,
    into: TargetFd.auto,
  }),
  'connect IPv4': new Connect({ socket: fd, address: loopback }),
  'connect IPv6 direct': new Connect({ socket: direct, address: loopback6 }),
  recv: new Recv({ socket: fd, memory }),
  'recv part, all, peek': new Recv({
    socket: fd,
    memory,
    offset: 0x1000,
    length: 100,
    waitAll: true,
    peek: true,
  }),
  'recv from group 515': new Recv({ socket: fd, group: 515 }),
  'recv from group, poll first': new Recv({
    socket: direct,
    group: 1,
    length: 64,
    pollFirst: true,
  }),
  'recv multi': new RecvMulti({ socket: fd, group: 515 }),
  'recv multi, poll first': new RecvMulti({ socket: direct, group: 65_535, pollFirst: true }),
  'send memory': new Send({ socket: fd, data: memory }),
  'send bytes, more': new Send({ socket: fd, data: bytes, waitAll: false, more: true }),
  'send zc': new SendZc({ socket: fd, data: memory, reportUsage: false }),
  'send zc to IPv6': new SendZc({ socket: fd, data: bytes, destination: loopback6 }),
  'provide buffers': new ProvideBuffers(provision),
  'remove buffers': new RemoveBuffers({ group: 515, count: 8 }),
  'epoll add': new EpollCtl({ epoll: new RawFd(11), operation: 'add', descriptor: fd, events: 1 }),
  'epoll modify': new EpollCtl({
    epoll: new RawFd(11),
    operation: 'modify',
    descriptor: fd,
    events: 1,
  }),
  'epoll delete': new EpollCtl({ epoll: new RawFd(11), operation: 'delete', descriptor: fd }),
  close: new Close({ descriptor: fd }),
  'close direct': new Close({ descriptor: direct }),
  'shutdown both': new Shutdown({ socket: fd, how: ShutdownHow.RDWR }),
  'cancel key': new AsyncCancel({ key }),
  'cancel descriptor, all': new AsyncCancel({ descriptor: fd, all: true }),
  'cancel direct descriptor': new AsyncCancel({ descriptor: direct }),
  'cancel any': new AsyncCancel({ any: true, all: true }),
  timeout: new Timeout({ milliseconds: 1 }),
  'timeout at, or 3 completions': new Timeout({
    milliseconds: 1,
    absolute: true,
    clock: 'realtime',
    count: 3,
  }),
  'timeout remove': new TimeoutRemove({ key }),
  'poll add': new PollAdd({ descriptor: fd, events: epollMask('IN', 'RDHUP') }),
  'poll add multishot': new PollAdd({
    descriptor: direct,
    events: epollMask('OUT'),
    multishot: true,
  }),
  'poll remove': new PollRemove({ key }),
  'read at 5000000000': new Read({ descriptor: fd, memory, position: 5_000_000_000 }),
  'read at position': new Read({ descriptor: fd, memory }),
  'read from group': new Read({ descriptor: fd, group: 515 }),
  'write at 0': new Write({ descriptor: fd, data: bytes, position: 0 }),
};

// liburing 2.3 has no function for these: from what io_uring/{futex,net,openclose,timeout,nop}.c of kernel 6.18 reads.
const word = new FakeMemory(4, { shared: true });
const newer: Record<string, [OpCode<unknown>, string]> = {
  'nop with a result': [new Nop({ result: -5 }), '0 ffffffff 0 0 0 0 fffffffb 1 0 0 0 0 0 0 0 0'],
  'futex wait': [
    new FutexWait({ word, expected: 6 }),
    '33 82 6 0 fffff000 3 0 0 0 0 0 0 ffffffff 0 0 0',
  ],
  'futex wait for -1 with a mask': [
    new FutexWait({ word, expected: -1, mask: 4 }),
    '33 82 ffffffff 0 fffff000 3 0 0 0 0 0 0 4 0 0 0',
  ],
  'futex wake': [
    new FutexWake({ word, count: 2 }),
    '34 82 2 0 fffff000 3 0 0 0 0 0 0 ffffffff 0 0 0',
  ],
  'fixed fd install': [
    new FixedFdInstall({ descriptor: direct }),
    '136 9 0 0 0 0 0 0 0 0 0 0 0 0 0 0',
  ],
  'fixed fd install, inherited': [
    new FixedFdInstall({ descriptor: direct, closeOnExec: false }),
    '136 9 0 0 0 0 0 1 0 0 0 0 0 0 0 0',
  ],
  bind: [new Bind({ socket: fd, address: loopback }), '38 9 10 0 1000 1 0 0 0 0 0 0 0 0 0 0'],
  listen: [new Listen({ socket: direct, backlog: 128 }), '139 9 0 0 0 0 80 0 0 0 0 0 0 0 0 0'],
  'timeout 5 times': [
    new Timeout({ milliseconds: 1, repeat: 5 }),
    'b ffffffff 5 0 1000 1 1 60 0 0 0 0 0 0 0 0',
  ],
  'timeout without end': [
    new Timeout({ milliseconds: 1, repeat: Number.POSITIVE_INFINITY }),
    'b ffffffff 0 0 1000 1 1 60 0 0 0 0 0 0 0 0',
  ],
  'send to IPv4': [
    new Send({ socket: fd, data: bytes, destination: loopback }),
    '1a 9 1000 1 2000 2 5 4100 0 0 0 10 0 0 0 0',
  ],
};

compareGoldens('first', ours, newer);

test('the length of a peer address is behind it, across the carry', () => {
  const { words } = dryRun(new Accept({ listener: fd }), { recordAddress: 0x2_ffff_ffc0 });
  expect([words[4], words[5]]).toEqual([0xffff_ffc0, 2]);
  expect([words[2], words[3]]).toEqual([0x40, 3]);
});
