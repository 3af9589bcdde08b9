import { FixedFd, RawFd } from '@ringbearer/io-uring-fd';
import { expect, test } from 'vitest';
import { fakeCqe } from '../../../test-support/fake-cqe.js';
import { Errno } from '../../abi.generated.js';
import { dryRun } from '../../dry-run.js';
import { occupy } from '../../in-flight.js';
import { AsyncCancel } from './async-cancel.js';
import { Nop } from './nop.js';

const key = { slot: 3, generation: 0xffff_ffff };

test('complete() counts what was cancelled', () => {
  const one = new AsyncCancel({ key });
  expect(one.complete(fakeCqe(0))).toBe(1);
  const all = new AsyncCancel({ descriptor: new RawFd(3), all: true });
  expect(all.complete(fakeCqe(4))).toBe(4);
  expect(all.complete(fakeCqe(0))).toBe(0);
  for (const cancel of [one, all, new AsyncCancel({ any: true })]) {
    expect(cancel.complete(fakeCqe(-Errno.ENOENT))).toBe(0);
    expect(cancel.complete(fakeCqe(-Errno.EALREADY))).toBe(0);
    expect(() => cancel.complete(fakeCqe(-Errno.EINVAL))).toThrow(/async_cancel failed: EINVAL/);
  }
});

test('a key is copied: the operation may be over when the cancellation is submitted', () => {
  const operation = new Nop();
  const mark = occupy(operation, 8, 2);
  const cancel = new AsyncCancel({ key: operation });
  mark.slot = -1;
  const { words } = dryRun(cancel);
  expect([words[4], words[5], words[7]]).toEqual([8, 2, 0]);
});

test('since follows what is used', () => {
  expect(new AsyncCancel({ key }).since).toBe('5.5');
  expect(new AsyncCancel({ key, all: true }).since).toBe('5.19');
  expect(new AsyncCancel({ descriptor: new FixedFd(0) }).since).toBe('5.19');
});

test.each([
  [{}, /exactly one of key, descriptor and any/],
  [{ any: false }, /exactly one/],
  [{ key, any: true }, /exactly one/],
  [{ key, descriptor: new RawFd(1) }, /exactly one/],
  [{ key: 7 }, /key must be an operation in flight or its key: current value is 7/],
  [{ key: new Nop() }, /key.slot must be an integer from 0/],
  [{ descriptor: 3 }, /descriptor must be a RawFd or a FixedFd/],
])('refuses %#', (options, message) => {
  expect(() => new AsyncCancel(options as never)).toThrow(message);
});
