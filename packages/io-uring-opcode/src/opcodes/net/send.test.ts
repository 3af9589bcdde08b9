import { FixedFd, RawFd } from '@ringbearer/io-uring-fd';
import { describe, expect, test } from 'vitest';
import { fakeCqe } from '../../../test-support/fake-cqe.js';
import { FakeMemory } from '../../../test-support/fake-memory.js';
import { CqeFlag, Errno } from '../../abi.generated.js';
import { dryRun } from '../../dry-run.js';
import { occupy } from '../../in-flight.js';
import { Write } from '../file/write.js';
import { Send } from './send.js';
import { SendZc } from './send-zc.js';

const socket = new RawFd(3);
const { MORE, NOTIF } = CqeFlag;
const COPIED = 0x8000_0000 | 0;

describe.each([
  ['Send', (data: FakeMemory | Uint8Array, range = {}) => new Send({ socket, data, ...range })],
  ['SendZc', (data: FakeMemory | Uint8Array, range = {}) => new SendZc({ socket, data, ...range })],
  [
    'Write',
    (data: FakeMemory | Uint8Array, range = {}) =>
      new Write({ descriptor: socket, data, ...range }),
  ],
])('%s', (_, make) => {
  test('drives the owner of its memory', () => {
    const memory = new FakeMemory(64);
    const operation = make(memory);
    operation.acquire();
    expect(memory.owner.name).toBe('Kernel');
    operation.release();
    expect(memory.owner.name).toBe('Returned');
    memory.owner.reuse();
    operation.acquire();
    operation.rollback();
    expect(memory.owner.name).toBe('Taken');
  });

  test('takes parts of memory and of bytes', () => {
    const part = dryRun(make(new FakeMemory(64), { offset: 16, length: 8 })).words;
    expect([part[4], part[6]]).toEqual([0xffff_f010, 8]);
    expect(dryRun(make(new Uint8Array(64), { offset: 16 })).words[6]).toBe(48);
    expect(dryRun(make(new Uint8Array(0))).words[6]).toBe(0);
  });

  test('set() chooses other bytes for the next submission, never in flight', () => {
    const operation = make(new Uint8Array(5));
    const memory = new FakeMemory(64);
    expect(dryRun(operation.set(memory, 1, 2)).words[6]).toBe(2);
    operation.acquire();
    expect(memory.owner.name).toBe('Kernel');
    occupy(operation, 4);
    expect(() => operation.set(new Uint8Array(5))).toThrow(/the kernel holds it/);
  });

  test('notices bytes that were transferred before or during the operation', () => {
    const bytes = new Uint8Array(5);
    const operation = make(bytes);
    operation.acquire();
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    expect(bytes.byteLength).toBe(0);
    expect(() => operation.complete(fakeCqe(5))).toThrow(/transferred or resized/);
    expect(() => operation.acquire()).toThrow(TypeError);
    operation.set(new Uint8Array(6));
    operation.acquire();
  });

  test.each([
    [null, {}, /data must be a Uint8Array or kernel memory: current value is null/],
    ['text', {}, /data must be a Uint8Array or kernel memory: current value is "text"/],
    [new ArrayBuffer(5), {}, /an object of type ArrayBuffer/],
    [new Float64Array(5), {}, /an object of type Float64Array/],
    [new Uint8Array(5), { offset: 6 }, /offset must be an integer from 0 to 5: current value is 6/],
    [
      new Uint8Array(5),
      { offset: 3, length: 3 },
      /length must be an integer from 0 to 2: current value is 3/,
    ],
    [new FakeMemory(5), { offset: -1 }, /offset/],
  ])('refuses data %#', (data, range, message) => {
    expect(() => make(data as never, range)).toThrow(message);
  });
});

test('Send.complete() gives the bytes sent', () => {
  const send = new Send({ socket, data: new Uint8Array(5) });
  expect(send.complete(fakeCqe(5))).toBe(5);
  expect(send.complete(fakeCqe(2))).toBe(2);
  expect(() => send.complete(fakeCqe(-Errno.EPIPE))).toThrow(
    expect.objectContaining({ code: 'EPIPE', syscall: 'send' }),
  );
  expect(dryRun(send.setSocket(new FixedFd(4))).words[1]).toBe(4);
});

test('since follows what is used', () => {
  const data = new Uint8Array(1);
  const destination = { family: 'IPv4', address: '127.0.0.1', port: 9 } as const;
  expect(new Send({ socket, data }).since).toBe('5.6');
  expect(new Send({ socket, data, pollFirst: true }).since).toBe('5.19');
  expect(new Send({ socket, data, destination }).since).toBe('6.2');
  expect(new SendZc({ socket, data }).since).toBe('6.2');
  expect(new SendZc({ socket, data, reportUsage: false }).since).toBe('6.0');
});

describe('SendZc completes twice', () => {
  const make = () => new SendZc({ socket, data: new Uint8Array(5) });

  test('result, then notification', () => {
    const send = make();
    dryRun(send);
    expect(send.complete(fakeCqe(5, MORE))).toEqual({ length: 5, released: false, copied: false });
    expect(send.complete(fakeCqe(0, NOTIF))).toEqual({ length: 5, released: true, copied: false });
  });

  test('the notification tells of a copy', () => {
    const send = make();
    dryRun(send);
    send.complete(fakeCqe(5, MORE));
    expect(send.complete(fakeCqe(COPIED, NOTIF))).toEqual({
      length: 5,
      released: true,
      copied: true,
    });
  });

  test('an error with a notification to come', () => {
    const send = make();
    dryRun(send);
    expect(() => send.complete(fakeCqe(-Errno.EOPNOTSUPP, MORE))).toThrow(
      expect.objectContaining({ code: 'EOPNOTSUPP', syscall: 'send_zc' }),
    );
    expect(send.complete(fakeCqe(0, NOTIF))).toEqual({ length: 0, released: true, copied: false });
  });

  test('an error, or a result, without a notification', () => {
    const send = make();
    dryRun(send);
    expect(() => send.complete(fakeCqe(-Errno.EINVAL))).toThrow(/EINVAL/);
    expect(send.complete(fakeCqe(5)).released).toBe(true);
  });

  test('forgets the last result when it is submitted again', () => {
    const send = make();
    dryRun(send);
    send.complete(fakeCqe(5, MORE));
    send.complete(fakeCqe(0, NOTIF));
    dryRun(send);
    expect(send.complete(fakeCqe(0, NOTIF)).length).toBe(0);
  });
});
