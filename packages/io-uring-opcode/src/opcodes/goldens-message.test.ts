import { FixedFd, RawFd } from '@ringbearer/io-uring-fd';
import { expect, test } from 'vitest';
import { FakeMemory, FakeRegistered } from '../../test-support/fake-memory.js';
import { compareGoldens } from '../../test-support/goldens.js';
import { dryRun } from '../dry-run.js';
import {
  type OpCode,
  Recv,
  RecvMsg,
  RecvMsgMulti,
  RecvMulti,
  RecvZc,
  SendGroup,
  SendMsg,
  SendMsgZc,
  Sendv,
  SendZc,
} from '../index.js';

const fd = new RawFd(9);
const direct = new FixedFd(9);
const memory = new FakeMemory(8192);
const data = [memory];

/** Every entry of the group `message` of sqe-goldens.json, made by us. */
const ours: Record<string, OpCode<unknown>> = {
  sendmsg: new SendMsg({ socket: fd, data }),
  'sendmsg, poll first': new SendMsg({
    socket: direct,
    data,
    waitAll: false,
    more: true,
    pollFirst: true,
  }),
  'sendmsg zc': new SendMsgZc({ socket: fd, data }),
  recvmsg: new RecvMsg({ socket: fd, memory: [memory] }),
  'recvmsg from group': new RecvMsg({ socket: fd, group: 515, peek: true }),
  'recvmsg multi': new RecvMsgMulti({ socket: fd, group: 515 }),
  'send zc fixed': new SendZc({ socket: fd, data: memory, buffer: new FakeRegistered(memory, 3) }),
};

// liburing 2.3 has no function for these: from what io_uring/{net,zcrx}.c of kernel 6.18 reads.
const newer: Record<string, [OpCode<unknown>, string]> = {
  'send vectorized': [
    new Sendv({ socket: fd, data: [memory, new Uint8Array(5)] }),
    '20001a 9 0 0 1000 1 2 4100 0 0 0 0 0 0 0 0',
  ],
  'send from group': [
    new SendGroup({ socket: fd, group: 515 }),
    '201a 9 0 0 0 0 0 4100 0 0 203 0 0 0 0 0',
  ],
  'send bundle': [
    new SendGroup({ socket: direct, group: 515, bundle: true }),
    '10211a 9 0 0 0 0 0 4100 0 0 203 0 0 0 0 0',
  ],
  'recv bundle': [
    new Recv({ socket: fd, group: 515, bundle: true }),
    '10201b 9 0 0 0 0 0 0 0 0 203 0 0 0 0 0',
  ],
  'recv multi bundle, poll first': [
    new RecvMulti({ socket: fd, group: 515, bundle: true, pollFirst: true }),
    '13201b 9 0 0 0 0 0 0 0 0 203 0 0 0 0 0',
  ],
  'recv zc': [
    new RecvZc({ socket: direct, interfaceQueue: 2 }),
    '2013a 9 0 0 0 0 0 0 0 0 0 2 0 0 0 0',
  ],
};

compareGoldens('message', ours, newer);

test('the record has what the address of sendmsg points at: one part', () => {
  const { record } = dryRun(ours.sendmsg!);
  expect(new DataView(record.buffer).getBigUint64(24, true)).toBe(1n);
});
