// Errors of a full table or an empty group say what to do about it.

import { FixedFd, RawFd, TargetFd } from '@ringbearer/io-uring-fd';
import { describe, expect, test } from 'vitest';
import { fakeCqe } from '../test-support/fake-cqe.js';
import { FakeMemory } from '../test-support/fake-memory.js';
import { Errno } from './abi.generated.js';
import {
  Accept,
  AcceptMulti,
  AddressFamily,
  defineOpCode,
  FilesInstall,
  FixedFdInstall,
  MsgRingFd,
  type OpCode,
  OpenAt,
  OpenAt2,
  OpNumber,
  Pipe,
  Read,
  ReadMulti,
  Recv,
  RecvMsg,
  RecvMsgMulti,
  RecvMulti,
  Socket,
  SocketType,
} from './index.js';

const socket = new RawFd(3);
const messageOf = (operation: OpCode<unknown>, errno: number): string => {
  try {
    operation.complete(fakeCqe(-errno));
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
};

type Into = { into: TargetFd };
const makers: [string, (options: Into) => OpCode<unknown>][] = [
  ['Accept', (options) => new Accept({ listener: socket, ...options })],
  [
    'AcceptMulti',
    ({ into }) => new AcceptMulti({ listener: socket, direct: into === TargetFd.auto }),
  ],
  [
    'Socket',
    (options) => new Socket({ family: AddressFamily.INET, type: SocketType.STREAM, ...options }),
  ],
  ['OpenAt', (options) => new OpenAt({ path: '/', ...options })],
  ['OpenAt2', (options) => new OpenAt2({ path: '/', ...options })],
  ['Pipe', (options) => new Pipe(options)],
];

describe.each(makers)('%s', (_, make) => {
  test('into regular descriptors', () => {
    const operation = make({ into: TargetFd.raw });
    expect(messageOf(operation, Errno.EMFILE)).toMatch(
      /EMFILE: .*; .*raise "ulimit -n".*, or close some$/,
    );
    expect(messageOf(operation, Errno.ENFILE)).toMatch(/ENFILE: .*; .*raise fs\.file-max/);
    expect(messageOf(operation, Errno.EINVAL)).toMatch(/EINVAL: [^;]*$/);
  });
  test('into direct descriptors', () => {
    const message = messageOf(make({ into: TargetFd.auto }), Errno.ENFILE);
    expect(message).toMatch(
      /ENFILE: .*; the fixed-file table is full: give the bearer a larger RegisteredFd, or close/,
    );
  });
});

test('what installs descriptors says so, too', () => {
  const install = new FixedFdInstall({ descriptor: new FixedFd(1) });
  expect(messageOf(install, Errno.EMFILE)).toContain('ulimit -n');
  const files = new FilesInstall({ descriptors: [socket] });
  expect(messageOf(files, Errno.ENFILE)).toContain('larger RegisteredFd');
  const message = new MsgRingFd({ ring: socket, descriptor: new FixedFd(1) });
  expect(messageOf(message, Errno.ENFILE)).toContain('larger RegisteredFd');
});

const group = 7;
const Defined = defineOpCode<object>({
  name: 'RECV',
  code: OpNumber.RECV,
  since: '5.7',
  bufferGroup: () => group,
  prepare() {},
});
const EMPTY =
  /ENOBUFS: .*; the buffer group is empty: release leases and recycle buffers, or make the group larger$/;

test.each<[string, OpCode<unknown>]>([
  ['Recv', new Recv({ socket, group })],
  ['RecvMulti', new RecvMulti({ socket, group })],
  ['RecvMsg', new RecvMsg({ socket, group })],
  ['RecvMsgMulti', new RecvMsgMulti({ socket, group })],
  ['Read', new Read({ descriptor: socket, group })],
  ['ReadMulti', new ReadMulti({ descriptor: socket, group })],
  ['one made by defineOpCode', new Defined({})],
])('ENOBUFS of %s', (_, operation) => {
  expect(messageOf(operation, Errno.ENOBUFS)).toMatch(EMPTY);
});

test('ENOBUFS without a group is about something else', () => {
  const receive = new Recv({ socket, memory: new FakeMemory(8) });
  expect(messageOf(receive, Errno.ENOBUFS)).not.toContain('group');
});
