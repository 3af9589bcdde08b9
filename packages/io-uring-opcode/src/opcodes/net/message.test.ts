import { FixedFd, RawFd } from '@ringbearer/io-uring-fd';
import { describe, expect, test } from 'vitest';
import { fakeCqe } from '../../../test-support/fake-cqe.js';
import { FakeMemory, FakeRegistered } from '../../../test-support/fake-memory.js';
import { CqeFlag, Errno, MessageFlag, RecvSendFlag } from '../../abi.generated.js';
import { dryRun } from '../../dry-run.js';
import { occupy } from '../../in-flight.js';
import { encodeSocketAddress } from '../../socket-address.js';
import { decodeRights, encodeRights } from './message-header.js';
import { Recv } from './recv.js';
import { RecvMsg } from './recv-msg.js';
import { RecvMsgMulti } from './recv-msg-multi.js';
import { RecvZc } from './recv-zc.js';
import { SendGroup } from './send-group.js';
import { SendMsg } from './send-msg.js';
import { SendMsgZc } from './send-msg-zc.js';
import { SendZc } from './send-zc.js';
import { Sendv } from './sendv.js';

const socket = new RawFd(3);
const loopback = { family: 'IPv4', address: '127.0.0.1', port: 80 } as const;
const u64 = (record: Uint8Array, at: number) => new DataView(record.buffer).getBigUint64(at, true);
/** The seven 64-bit fields of the msghdr at the start of a record. */
const header = (record: Uint8Array) => [0, 8, 16, 24, 32, 40, 48].map((at) => u64(record, at));

test('decodeRights() undoes encodeRights(), among other control messages', () => {
  const rights = encodeRights('send', [new RawFd(5), new RawFd(6), new RawFd(7)]);
  expect(rights.length).toBe(32);
  const other = new Uint8Array(24);
  other.set([20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2], 0);
  const both = new Uint8Array([...other, ...rights]);
  expect(decodeRights(both).map(({ number }) => number)).toEqual([5, 6, 7]);
  expect(decodeRights(encodeRights('send', []))).toEqual([]);
  // Cut short, or a length that leads nowhere: nothing is invented, and it ends.
  expect(decodeRights(rights.subarray(0, 20))).toEqual([]);
  expect(decodeRights(new Uint8Array(64))).toEqual([]);
  expect(() => encodeRights('send', [new FixedFd(1)])).toThrow(/descriptors\[0\] must be a RawFd/);
  expect(() => encodeRights('send', new Array(254).fill(socket))).toThrow(/253/);
  expect(() => encodeRights('send', 5 as never)).toThrow(TypeError);
});

describe.each([
  ['SendMsg', SendMsg],
  ['SendMsgZc', SendMsgZc],
])('%s', (_, Operation) => {
  test('the header points at address, control and vector in the record', () => {
    const data = [new FakeMemory(10), new Uint8Array(5)];
    expect(header(dryRun(new Operation({ socket, data })).record)).toEqual([
      0n,
      0n,
      0x1_0000_1038n,
      2n,
      0n,
      0n,
      0n,
    ]);
    const { record } = dryRun(
      new Operation({ socket, data, destination: loopback, descriptors: [socket] }),
    );
    expect(header(record)).toEqual([
      0x1_0000_1038n,
      16n,
      0x1_0000_1060n,
      2n,
      0x1_0000_1048n,
      24n,
      0n,
    ]);
    expect(record.subarray(0x38, 0x48)).toEqual(encodeSocketAddress(loopback));
    expect(decodeRights(record.subarray(0x48, 0x60))).toEqual([socket]);
    expect([u64(record, 0x60), u64(record, 0x68), u64(record, 0x70), u64(record, 0x78)]).toEqual([
      0x3_ffff_f000n,
      10n,
      0x2_0000_2000n,
      5n,
    ]);
  });

  test('what has no room there is outside', () => {
    const data = new Array(13).fill(new FakeMemory(1));
    const descriptors = new Array(60).fill(socket);
    const { record } = dryRun(new Operation({ socket, data, descriptors }));
    expect(header(record)).toEqual([0n, 0n, 0x2_0001_2000n, 13n, 0x2_0000_2000n, 256n, 0n]);
    const control = new Uint8Array(24).fill(9);
    const some = dryRun(new Operation({ socket, data: data.slice(1), control })).record;
    expect(header(some)).toEqual([0n, 0n, 0x2_0000_2000n, 12n, 0x1_0000_1038n, 24n, 0n]);
    expect(some.subarray(0x38, 0x50)).toEqual(control);
  });

  test('drives the owners, and is reusable', () => {
    const [one, two] = [new FakeMemory(8), new FakeMemory(8)];
    const send = new Operation({ socket, data: [one] });
    send.acquire();
    expect(one.owner.name).toBe('Kernel');
    send.rollback();
    send.acquire();
    send.release();
    expect(one.owner.name).toBe('Returned');
    send.set([two, two]);
    expect(header(dryRun(send).record)[3]).toBe(2n);
    occupy(send);
    expect(() => send.set([one])).toThrow(/the kernel holds it/);
  });

  test('notices arrays that were transferred', () => {
    const bytes = new Uint8Array(5);
    const send = new Operation({ socket, data: [bytes] });
    send.acquire();
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    expect(() => send.complete(fakeCqe(5))).toThrow(/transferred or resized/);
  });

  test.each([
    [{ data: [] }, /data.length/],
    [{ data: 'text' }, /data must be an array: current value is "text"/],
    [{ socket: 3 }, /socket must be a RawFd or a FixedFd/],
    [{ control: 'x' }, /control must be a Uint8Array: current value is "x"/],
    [{ destination: { family: 'X' } }, /family must be IPv4, IPv6 or Unix/],
  ])('refuses %j', (options, message) => {
    const all = { socket, data: [new Uint8Array(1)], ...options };
    expect(() => new Operation(all as never)).toThrow(message);
  });
});

test('SendMsg gives the bytes sent, SendMsgZc completes twice', () => {
  const data = [new Uint8Array(5)];
  const send = new SendMsg({ socket, data });
  expect(send.complete(fakeCqe(5))).toBe(5);
  expect(dryRun(send.setSocket(new FixedFd(4))).words[1]).toBe(4);
  expect(() => send.complete(fakeCqe(-Errno.EMSGSIZE))).toThrow(/sendmsg failed: EMSGSIZE/);
  const zc = new SendMsgZc({ socket, data });
  dryRun(zc);
  expect(zc.complete(fakeCqe(5, CqeFlag.MORE)).released).toBe(false);
  const copied = RecvSendFlag.NOTIF_USAGE_ZC_COPIED | 0;
  expect(zc.complete(fakeCqe(copied, CqeFlag.NOTIF))).toEqual({
    length: 5,
    released: true,
    copied: true,
  });
  expect([send.since, zc.since]).toEqual(['5.3', '6.2']);
  expect(new SendMsgZc({ socket, data, reportUsage: false }).since).toBe('6.1');
});

describe('RecvMsg', () => {
  /** A record as the kernel leaves it: header, address at 56, control behind. */
  const left = (options: { flags?: number; control?: Uint8Array; name?: boolean }) => {
    const { flags = 0, control = new Uint8Array(0), name = true } = options;
    const record = new Uint8Array(256);
    const view = new DataView(record.buffer);
    view.setUint32(8, name ? 16 : 0, true);
    view.setUint32(40, control.length, true);
    view.setUint32(48, flags, true);
    if (name) record.set(encodeSocketAddress(loopback), 56);
    record.set(control, 56 + 128);
    return record;
  };

  test('the header points into the record, and the vector is behind or outside', () => {
    const memory = [new FakeMemory(8)];
    expect(header(dryRun(new RecvMsg({ socket, memory })).record)).toEqual([
      0x1_0000_1038n,
      128n,
      0x1_0000_10b8n,
      1n,
      0n,
      0n,
      0n,
    ]);
    expect(header(dryRun(new RecvMsg({ socket, memory, peer: false })).record)).toEqual([
      0n,
      0n,
      0x1_0000_1038n,
      1n,
      0n,
      0n,
      0n,
    ]);
    expect(header(dryRun(new RecvMsg({ socket, memory, descriptorsMax: 14 })).record)).toEqual([
      0x1_0000_1038n,
      128n,
      0x2_0000_2000n,
      1n,
      0x1_0000_10b8n,
      72n,
      0n,
    ]);
    expect(header(dryRun(new RecvMsg({ socket, group: 1 })).record).slice(2, 4)).toEqual([0n, 0n]);
  });

  test('complete() finds peer, descriptors and what was cut off', () => {
    const receive = new RecvMsg({ socket, memory: [new FakeMemory(8)], descriptorsMax: 2 });
    const control = encodeRights('send', [new RawFd(7), new RawFd(8)]);
    expect(receive.complete(fakeCqe(5, 0, left({ control })))).toEqual({
      length: 5,
      bufferId: -1,
      peer: loopback,
      descriptors: [new RawFd(7), new RawFd(8)],
      control,
      truncated: false,
      controlTruncated: false,
    });
    const flags = MessageFlag.TRUNC | MessageFlag.CTRUNC;
    const cut = receive.complete(fakeCqe(0, 0, left({ flags, name: false })));
    expect(cut).toMatchObject({ peer: null, truncated: true, controlTruncated: true });
    const grouped = new RecvMsg({ socket, group: 2 });
    expect(grouped.bufferGroup).toBe(2);
    expect(grouped.complete(fakeCqe(5, CqeFlag.BUFFER | (9 << 16), left({}))).bufferId).toBe(9);
    expect(() => receive.complete(fakeCqe(-Errno.ECONNRESET))).toThrow(
      /recvmsg failed: ECONNRESET/,
    );
  });

  test('drives the owners, and is reusable', () => {
    const memory = new FakeMemory(8);
    const receive = new RecvMsg({ socket, memory: [memory] });
    receive.acquire();
    expect(memory.owner.name).toBe('Kernel');
    receive.rollback();
    receive.acquire();
    receive.release();
    expect(memory.owner.name).toBe('Returned');
    receive.set([new FakeMemory(4), new FakeMemory(4)]).setSocket(new FixedFd(6));
    expect(header(dryRun(receive).record)[3]).toBe(2n);
    occupy(receive);
    expect(() => receive.set([memory])).toThrow(/the kernel holds it/);
    expect(() => receive.setSocket(socket)).toThrow(/the kernel holds it/);
    const grouped = new RecvMsg({ socket, group: 2 });
    grouped.acquire();
    grouped.rollback();
    grouped.release();
    expect(() => grouped.set([memory])).toThrow(/a group was given/);
  });

  test.each([
    [{}, /memory must be an array: current value is undefined/],
    [{ group: 65_536 }, /group/],
    [{ memory: [new Uint8Array(1)] }, /memory\[0\] must be kernel memory/],
    [{ group: 1, descriptorsMax: 15 }, /controlBytes must be an integer from 80 to 72/],
    [{ group: 1, peer: false, controlBytes: 201 }, /controlBytes must be an integer from 0 to 200/],
    [{ group: 1, descriptorsMax: 254 }, /descriptorsMax/],
  ])('refuses %#', (options, message) => {
    expect(() => new RecvMsg({ socket, ...options } as never)).toThrow(message);
  });
});

describe('RecvMsgMulti', () => {
  test('message() takes a buffer apart', () => {
    const receive = new RecvMsgMulti({ socket, group: 1, controlBytes: 24 });
    expect(receive.headerBytes).toBe(16 + 128 + 24);
    const bytes = new Uint8Array(receive.headerBytes + 5);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 16, true);
    view.setUint32(4, 24, true);
    view.setUint32(8, 5, true);
    view.setUint32(12, MessageFlag.TRUNC, true);
    bytes.set(encodeSocketAddress(loopback), 16);
    bytes.set(encodeRights('send', [new RawFd(7)]), 144);
    bytes.set([1, 2, 3, 4, 5], 168);
    const message = receive.message(bytes);
    expect(message).toMatchObject({
      peer: loopback,
      truncated: true,
      controlTruncated: false,
    });
    expect([...message.payload]).toEqual([1, 2, 3, 4, 5]);
    expect(decodeRights(message.control)).toEqual([new RawFd(7)]);
    view.setUint32(0, 0, true);
    expect(receive.message(bytes.subarray(0, 168)).peer).toBe(null);
    expect(() => receive.message(bytes.subarray(0, 167))).toThrow(
      'Cannot read a message as it must be at least 168 bytes long: current value is 167',
    );
  });

  test('tells the kernel how long the parts in front are', () => {
    const { record } = dryRun(new RecvMsgMulti({ socket, group: 1, controlBytes: 64 }));
    expect(header(record)).toEqual([0n, 128n, 0n, 0n, 0n, 64n, 0n]);
    const bare = new RecvMsgMulti({ socket, group: 1, peer: false, pollFirst: true });
    const dry = dryRun(bare);
    expect(header(dry.record)).toEqual([0n, 0n, 0n, 0n, 0n, 0n, 0n]);
    expect([bare.headerBytes, dry.words[0]! >>> 16]).toEqual([16, 3]);
  });

  test('says how much and where, and when to go on', () => {
    const receive = new RecvMsgMulti({ socket, group: 1 });
    expect(receive.complete(fakeCqe(9, CqeFlag.BUFFER | (4 << 16))).bufferId).toBe(4);
    expect(receive.rearms(fakeCqe(-Errno.ENOBUFS))).toBe(true);
    expect(receive.rearms(fakeCqe(9, CqeFlag.MORE))).toBe(false);
    expect(() => receive.complete(fakeCqe(-Errno.EFAULT))).toThrow(/EFAULT/);
    expect(dryRun(receive.set(new FixedFd(4), 7)).words[10]).toBe(7);
    expect(receive.bufferGroup).toBe(7);
    occupy(receive);
    expect(() => receive.set(socket)).toThrow(/the kernel holds it/);
    expect(() => new RecvMsgMulti({ socket, group: -1 })).toThrow(RangeError);
    expect(() => new RecvMsgMulti({ socket, group: 1, controlBytes: 4097 })).toThrow(
      /controlBytes/,
    );
  });
});

describe('Sendv', () => {
  test('drives the owners, is reusable and notices transfers', () => {
    const memory = new FakeMemory(8);
    const send = new Sendv({ socket, data: [memory] });
    send.acquire();
    send.rollback();
    send.acquire();
    send.release();
    expect(memory.owner.name).toBe('Returned');
    const bytes = new Uint8Array(5);
    expect(dryRun(send.set([bytes, bytes]).setSocket(new FixedFd(4))).words[6]).toBe(2);
    expect(send.complete(fakeCqe(10))).toBe(10);
    expect(() => send.complete(fakeCqe(-Errno.EINVAL))).toThrow(/send failed: EINVAL/);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    expect(() => send.complete(fakeCqe(10))).toThrow(/transferred/);
    occupy(send);
    expect(() => send.set([memory])).toThrow(/the kernel holds it/);
    expect(() => send.setSocket(socket)).toThrow(/the kernel holds it/);
    expect(() => new Sendv({ socket, data: [] })).toThrow(RangeError);
  });
});

describe('groups and registered buffers', () => {
  test('SendGroup: an empty group is no error', () => {
    const send = new SendGroup({ socket, group: 1, bundle: true });
    expect([send.multishot, new SendGroup({ socket, group: 1 }).multishot]).toEqual([true, false]);
    expect(send.complete(fakeCqe(-Errno.ENOBUFS)).length).toBe(0);
    expect(send.complete(fakeCqe(9, CqeFlag.BUFFER))).toMatchObject({ length: 9, bufferId: 0 });
    expect(() => send.complete(fakeCqe(-Errno.EPIPE))).toThrow(/EPIPE/);
    expect(dryRun(send.set(new FixedFd(4), 7)).words[10]).toBe(7);
    occupy(send);
    expect(() => send.set(socket)).toThrow(/the kernel holds it/);
    expect(() => new SendGroup({ socket, group: 65_536 })).toThrow(RangeError);
  });
  test('Recv: a bundle needs a group', () => {
    expect(new Recv({ socket, group: 1, bundle: true }).since).toBe('6.10');
    expect(() => new Recv({ socket, memory: new FakeMemory(8), bundle: true })).toThrow(TypeError);
    const bundle = new Recv({ socket, group: 1, bundle: true });
    expect(() => bundle.set(new FakeMemory(8))).toThrow(/receives bundles/);
  });
  test('SendZc: a registered buffer is kernel memory', () => {
    const data = new FakeMemory(8);
    const buffer = new FakeRegistered(data, 5);
    expect(() => new SendZc({ socket, data: new Uint8Array(8), buffer })).toThrow(
      'Cannot send as data must be kernel memory: a registered buffer was named',
    );
    expect(() => new SendZc({ socket, data, buffer: 3 as never })).toThrow(
      'Cannot send as buffer must be a registered buffer: current value is 3',
    );
    expect(() => new SendZc({ socket, data: new FakeMemory(9), buffer })).toThrow(RangeError);
    const send = new SendZc({ socket, data, buffer });
    expect(() => send.set(new Uint8Array(8))).toThrow(TypeError);
    expect(dryRun(send.set(new FakeMemory(4))).words[6]).toBe(4);
  });
  test('SendMsgZc: parts of a registered buffer are kernel memory', () => {
    const memory = new FakeMemory(8);
    const buffer = new FakeRegistered(memory, 5);
    const send = new SendMsgZc({ socket, data: [memory], buffer });
    expect(send.since).toBe('6.15');
    expect(dryRun(send).words[10]).toBe(5);
    expect(dryRun(send).words[0]! >>> 16).toBe(
      RecvSendFlag.SEND_ZC_REPORT_USAGE | RecvSendFlag.RECVSEND_FIXED_BUF,
    );
    expect(() => send.set([new Uint8Array(8)])).toThrow(TypeError);
    expect(() => send.set([new FakeMemory(9)])).toThrow(RangeError);
  });
  test('RecvZc', () => {
    const receive = new RecvZc({ socket, length: 100 });
    expect([receive.multishot, dryRun(receive).words[6]]).toEqual([true, 100]);
    expect(receive.complete(fakeCqe(9))).toBe(9);
    expect(() => receive.complete(fakeCqe(-Errno.EINVAL))).toThrow(/recv_zc failed: EINVAL/);
    expect(() => new RecvZc({ socket, interfaceQueue: -1 })).toThrow(/interfaceQueue/);
  });
});
