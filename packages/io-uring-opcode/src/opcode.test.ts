import { type Descriptor, RawFd } from '@ringbearer/io-uring-fd';
import { expect, test } from 'vitest';
import { fakeCqe } from '../test-support/fake-cqe.js';
import { occupy } from './in-flight.js';
import {
  Close,
  type Cqe,
  dryRun,
  Nop,
  OpCode,
  OpCodeError,
  OpFlag,
  OpNumber,
  type Sqe,
} from './index.js';

/** What a third party writes, with nothing but the public entry point. */
class Fdatasync extends OpCode<void> {
  override readonly code = OpNumber.FSYNC;
  override readonly name = 'FSYNC';
  override readonly since = '5.1';
  readonly #file: Descriptor;

  constructor(file: Descriptor) {
    super();
    this.#file = file;
  }
  override prepare(sqe: Sqe): void {
    sqe.descriptor(this.#file);
    sqe.flags(OpFlag.FSYNC_DATASYNC);
  }
  override complete(cqe: Cqe): void {
    this.result(cqe);
  }
}

test('an operation of a third party needs nothing but the contract', () => {
  const { words } = dryRun(new Fdatasync(new RawFd(4)));
  expect([words[0], words[1], words[7]]).toEqual([3, 4, 1]);
  const operation = new Fdatasync(new RawFd(4));
  expect(operation.complete(fakeCqe(0))).toBe(undefined);
  expect(() => operation.complete(fakeCqe(-5))).toThrow(
    expect.objectContaining({ code: 'EIO', errno: -5, syscall: 'fsync' }),
  );
});

test('an operation is idle, single-shot and carries nothing unless it says otherwise', () => {
  const operation = new Fdatasync(new RawFd(4));
  expect(operation.multishot).toBe(false);
  expect(operation.inFlight).toBe(false);
  expect(operation.handler).toBe(null);
  expect(operation.bufferGroup).toBe(-1);
  expect(operation.rearms(fakeCqe(0))).toBe(false);
  expect(operation.discard(fakeCqe(7))).toBe(null);
  expect(operation.discardResult(undefined)).toBe(null);
});

test('rollback() is release() unless it says otherwise', () => {
  class Holder extends Nop {
    released = 0;
    override release(): void {
      this.released++;
    }
  }
  const holder = new Holder();
  holder.rollback();
  expect(holder.released).toBe(1);
});

test('an operation in flight refuses to be changed', () => {
  const close = new Close({ descriptor: new RawFd(3) });
  const mark = occupy(close);
  expect(close.inFlight).toBe(true);
  expect(() => close.set(new RawFd(4))).toThrow(/the kernel holds it/);
  mark.slot = -1;
  expect(dryRun(close.set(new RawFd(4))).words[1]).toBe(4);
});

test('Nop gives its result back, also an error', () => {
  expect(new Nop().complete(fakeCqe(0))).toBe(0);
  expect(new Nop().since).toBe('5.1');
  expect(new Nop({ result: 0 }).since).toBe('6.10');
  expect(() => new Nop({ result: -5 }).complete(fakeCqe(-5))).toThrow(OpCodeError);
  expect(() => new Nop({ result: 2 ** 31 })).toThrow(RangeError);
});
