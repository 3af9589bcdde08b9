import { FixedFd, RawFd } from '@ringbearer/io-uring-fd';
import { describe, expect, test } from 'vitest';
import { fakeCqe } from '../../../test-support/fake-cqe.js';
import { CqeFlag, Errno } from '../../abi.generated.js';
import { dryRun } from '../../dry-run.js';
import { epollMask } from '../../epoll-events.js';
import { occupy } from '../../in-flight.js';
import { EpollCtl } from './epoll-ctl.js';
import { PollAdd } from './poll-add.js';
import { PollRemove } from './poll-remove.js';

const descriptor = new RawFd(3);
const epoll = new RawFd(4);

describe('PollAdd', () => {
  test('complete() gives the mask', () => {
    const poll = new PollAdd({ descriptor, events: epollMask('IN') });
    expect(poll.complete(fakeCqe(5))).toBe(5);
    expect(() => poll.complete(fakeCqe(-Errno.ECANCELED))).toThrow(/poll_add failed: ECANCELED/);
  });

  test('rearms() only a multishot that lost F_MORE without an error', () => {
    const once = new PollAdd({ descriptor, events: 1 });
    const multi = new PollAdd({ descriptor, events: 1, multishot: true });
    expect([once.multishot, multi.multishot, once.since, multi.since]).toEqual([
      false,
      true,
      '5.1',
      '5.13',
    ]);
    expect(once.rearms(fakeCqe(1))).toBe(false);
    expect(multi.rearms(fakeCqe(1))).toBe(true);
    expect(multi.rearms(fakeCqe(1, CqeFlag.MORE))).toBe(false);
    expect(multi.rearms(fakeCqe(-Errno.ECANCELED))).toBe(false);
  });

  test('takes the highest bit, and is reusable', () => {
    const poll = new PollAdd({ descriptor, events: epollMask('ET') });
    expect(dryRun(poll).words[7]).toBe(0x8000_0000);
    const { words } = dryRun(poll.set(new FixedFd(9), 4));
    expect([words[1], words[7]]).toEqual([9, 4]);
    occupy(poll);
    expect(() => poll.set(descriptor)).toThrow(/the kernel holds it/);
    expect(() => new PollAdd({ descriptor, events: 2 ** 32 })).toThrow(RangeError);
  });
});

describe('PollRemove', () => {
  test('complete() says whether it was found', () => {
    const remove = new PollRemove({ key: { slot: 1, generation: 2 } });
    expect(remove.complete(fakeCqe(0))).toBe(true);
    expect(remove.complete(fakeCqe(-Errno.ENOENT))).toBe(false);
    expect(remove.complete(fakeCqe(-Errno.EALREADY))).toBe(false);
    expect(() => remove.complete(fakeCqe(-Errno.EINVAL))).toThrow(/EINVAL/);
  });

  test('takes an operation in flight as its key, and no other', () => {
    const poll = new PollAdd({ descriptor, events: 1 });
    expect(() => new PollRemove({ key: poll })).toThrow(RangeError);
    occupy(poll, 6, -2);
    const { words } = dryRun(new PollRemove({ key: poll }));
    expect([words[4], words[5]]).toEqual([6, 0xffff_fffe]);
  });
});

describe('EpollCtl', () => {
  test('the event is in the record, laid out as on this machine', () => {
    const { record } = dryRun(
      new EpollCtl({
        epoll,
        operation: 'add',
        descriptor,
        events: epollMask('IN', 'ET'),
        data: 2 ** 40 + 1,
      }),
    );
    const view = new DataView(record.buffer);
    const data = process.arch === 'x64' ? 4 : 8;
    expect(view.getUint32(0, true)).toBe(0x8000_0001);
    expect([view.getUint32(data, true), view.getUint32(data + 4, true)]).toEqual([1, 256]);
  });

  test('data is the descriptor unless told otherwise, and deleting needs no event', () => {
    const add = dryRun(new EpollCtl({ epoll, operation: 'add', descriptor, events: 1 }));
    expect(add.record[process.arch === 'x64' ? 4 : 8]).toBe(3);
    const { words } = dryRun(new EpollCtl({ epoll, operation: 'delete', descriptor }));
    expect([words[4], words[5], words[6]]).toEqual([0, 0, 2]);
  });

  test('events may change between submissions', () => {
    const control = new EpollCtl({ epoll, operation: 'modify', descriptor, events: 1 });
    control.events = 4;
    expect(dryRun(control).record[0]).toBe(4);
    expect(control.events).toBe(4);
    expect(control.complete(fakeCqe(0))).toBe(undefined);
    expect(() => control.complete(fakeCqe(-Errno.EEXIST))).toThrow(/epoll_ctl failed: EEXIST/);
    occupy(control);
    expect(() => {
      control.events = 1;
    }).toThrow(/the kernel holds it/);
  });

  test.each([
    ['EEXIST', 'modify its interest'],
    ['ENOENT', 'add it'],
    ['EPERM', 'a regular file'],
    ['ELOOP', 'in a circle'],
    ['ENOSPC', 'fs.epoll.max_user_watches'],
    ['EBADF', 'delete the interest first'],
    ['EINVAL', 'EXCLUSIVE'],
  ] as const)('%s comes with what to do about it', (name, advice) => {
    const control = new EpollCtl({ epoll, operation: 'delete', descriptor });
    expect(() => control.complete(fakeCqe(-Errno[name]))).toThrow(advice);
  });

  test.each([
    [
      { operation: 'add', events: undefined },
      /events must be a number: current value is undefined/,
    ],
    [{ operation: 'add', events: -1 }, /events/],
    [
      { operation: 'toggle', events: 1 },
      /operation must be add, modify or delete: current value is "toggle"/,
    ],
    [
      { operation: 'add', events: 1, epoll: new FixedFd(1) },
      /epoll must be a RawFd: current value is direct descriptor 1/,
    ],
    [{ operation: 'add', events: 1, descriptor: new FixedFd(1) }, /descriptor must be a RawFd/],
    [{ operation: 'add', events: 1, data: 2 ** 53 }, /data/],
  ])('refuses %j', (options, message) => {
    expect(() => new EpollCtl({ epoll, descriptor, ...options } as never)).toThrow(message);
  });
});
