import { FixedFd, RawFd } from '@ringbearer/io-uring-fd';
import { expect, test } from 'vitest';
import * as op from '../index.js';
import { conformance, type SpecimenKit } from './index.js';

const fd = new RawFd(9);
const direct = new FixedFd(9);
const key = { slot: 5, generation: 7 };
const api = {
  test: (name: string, body: () => void) => test(name, () => expect(body).not.toThrow()),
};
const { ENOENT, EALREADY, EBUSY, ETIME, ECANCELED, EAGAIN } = op.Errno;
const word = (kit: SpecimenKit) => kit.memory(4, { shared: true });

conformance(api, {
  make: () => new op.Nop(),
  completions: [{ res: 0, result: 0 }],
  invalid: { 'a result that is no integer': () => new op.Nop({ result: 0.5 }) },
});
conformance(api, {
  title: 'NOP with a result',
  make: () => new op.Nop({ result: 7 }),
  completions: [{ res: 7, result: 7 }],
});
conformance(api, {
  make: (kit) =>
    new op.ProvideBuffers(
      Object.assign(kit.memory(8192, { shared: true }), {
        group: 515,
        firstBid: 3,
        count: 8,
        bufferBytes: 1024,
      }),
    ),
});
conformance(api, {
  make: () => new op.RemoveBuffers({ group: 515, count: 8 }),
  completions: [{ res: 3, result: 3 }],
});
conformance(api, {
  make: () => new op.PollAdd({ descriptor: fd, events: op.epollMask('IN') }),
  completions: [{ res: 1, result: 1 }],
  change: (poll) => (poll as op.PollAdd).set(direct),
});
conformance(api, {
  title: 'POLL_ADD, multishot',
  make: () => new op.PollAdd({ descriptor: fd, events: op.epollMask('IN'), multishot: true }),
  completions: [
    { res: 1, flags: 2, result: 1 },
    { res: 1, result: 1 },
  ],
});
conformance(api, {
  make: () => new op.PollRemove({ key }),
  errorsAsResults: [ENOENT, EALREADY],
});
conformance(api, {
  title: 'POLL_REMOVE that updates',
  make: () => new op.PollUpdate({ key, events: op.epollMask('OUT') }),
  errorsAsResults: [ENOENT, EALREADY],
});
conformance(api, {
  make: () =>
    new op.EpollCtl({ epoll: new RawFd(11), operation: 'add', descriptor: fd, events: 1 }),
  change: (control) => {
    (control as op.EpollCtl).events = 4;
  },
});
conformance(api, {
  make: () => new op.EpollWait({ epoll: fd, eventsMax: 8 }),
  completions: [
    {
      res: 1,
      record(record) {
        record.setUint32(0, 1);
        record.setUint64(4, 9, 0);
      },
      result: [{ events: 1, data: 9 }],
    },
  ],
});
conformance(api, {
  title: 'EPOLL_WAIT into memory',
  make: (kit) => new op.EpollWait({ epoll: fd, memory: kit.memory(64) }),
  completions: [{ res: 0, result: [] }],
});
conformance(api, {
  make: () => new op.Timeout({ milliseconds: 1.5 }),
  completions: [{ res: -ETIME, result: 'elapsed' }],
  errorsAsResults: [ETIME],
  change: (timeout) => {
    (timeout as op.Timeout).milliseconds = 1;
  },
  invalid: { 'a negative time': () => new op.Timeout({ milliseconds: -1 }) },
});
conformance(api, {
  title: 'TIMEOUT, repeated',
  make: () => new op.Timeout({ milliseconds: 1, repeat: 2 }),
  completions: [{ res: -ETIME, flags: 2 }, { res: -ETIME }],
  errorsAsResults: [ETIME],
});
conformance(api, {
  make: () => new op.TimeoutRemove({ key }),
  completions: [{ res: 0, result: true }],
  errorsAsResults: [ENOENT, EALREADY, EBUSY],
});
conformance(api, {
  title: 'TIMEOUT_REMOVE that updates',
  make: () => new op.TimeoutUpdate({ key, milliseconds: 1 }),
  errorsAsResults: [ENOENT, EALREADY, EBUSY],
});
conformance(api, {
  make: () => new op.LinkTimeout({ milliseconds: 1 }),
  completions: [{ res: -ETIME, result: 'elapsed' }],
  errorsAsResults: [ETIME, EALREADY, ECANCELED, ENOENT],
  change: (timeout) => {
    (timeout as op.LinkTimeout).milliseconds = 2;
  },
});
conformance(api, {
  title: 'TIMEOUT as a mailbox',
  make: () => new op.Mailbox(),
  completions: [
    { res: 77, flags: 2, result: 77 },
    { res: -5, flags: 2, result: -5 },
    { res: 0, result: 0 },
  ],
});
conformance(api, {
  make: () => new op.MsgRing({ ring: fd, key, message: 77 }),
  change: (message) => {
    (message as op.MsgRing).message = 78;
  },
});
conformance(api, {
  title: 'MSG_RING of a descriptor',
  make: () => new op.MsgRingFd({ ring: fd, descriptor: new FixedFd(4) }),
  completions: [{ res: 6, result: new FixedFd(6) }],
  change: (message) => (message as op.MsgRingFd).set(direct),
});
conformance(api, {
  make: () => new op.AsyncCancel({ key }),
  completions: [{ res: 0 }],
  errorsAsResults: [ENOENT, EALREADY],
});
conformance(api, {
  make: () => new op.FilesUpdate({ first: 5, descriptors: [fd, null, fd] }),
  completions: [{ res: 3, result: 3 }],
  change: (update) => (update as op.FilesUpdate).set(1, [fd]),
});
conformance(api, {
  title: 'FILES_UPDATE into any slots',
  make: () => new op.FilesInstall({ descriptors: [fd, fd] }),
  completions: [{ res: 2 }],
  change: (install) => (install as op.FilesInstall).set([fd]),
});
conformance(api, {
  make: () => new op.WaitId({ id: 1234 }),
  change: (wait) => (wait as op.WaitId).set(1),
});
conformance(api, {
  make: (kit) => new op.FutexWait({ word: word(kit), expected: -1 }),
  completions: [{ res: 0, result: 'ok' }],
  errorsAsResults: [EAGAIN],
  change: (wait) => {
    (wait as op.FutexWait).expected = 1;
  },
});
conformance(api, {
  make: (kit) => new op.FutexWake({ word: word(kit), count: 2 }),
  completions: [{ res: 2, result: 2 }],
});
conformance(api, {
  make: (kit) =>
    new op.FutexWaitV({
      words: [word(kit), word(kit)].map((one) => ({ word: one, expected: 6 })),
    }),
  completions: [{ res: 1, result: 1 }],
  errorsAsResults: [EAGAIN],
});
conformance(api, {
  title: 'FUTEX_WAITV of more words than the record holds',
  make: (kit) =>
    new op.FutexWaitV({
      words: Array.from({ length: 20 }, () => ({ word: word(kit), expected: 6 })),
    }),
  errorsAsResults: [EAGAIN],
});
conformance(api, {
  title: 'an operation that defineOpCode made',
  make: (kit) => new (pokeClass())({ memory: [kit.memory(8), kit.memory(8)], at: fd }),
  completions: [{ res: 3, result: 'three', carries: true }],
  errorsAsResults: [EALREADY],
  change: (poke) => (poke as InstanceType<ReturnType<typeof pokeClass>>).set({ at: direct }),
  invalid: { 'no memory': () => new (pokeClass())({ memory: [], at: fd }) },
});

function pokeClass() {
  return op.defineOpCode<
    { memory: ReturnType<SpecimenKit['memory']>[]; at: RawFd | FixedFd },
    string
  >({
    name: 'WRITE',
    code: op.OpNumber.WRITE,
    since: ({ at }) => (at.direct ? '5.15' : '5.6'),
    errors: { EALREADY: 'busy' },
    check({ memory }) {
      if (memory.length === 0) throw new RangeError('Cannot poke as memory must not be empty');
    },
    memory: ({ memory }) => memory,
    prepare(sqe, { memory, at }) {
      sqe.descriptor(at);
      sqe.memory(memory[0]!);
      sqe.memoryAddress2(memory[1]!, 0);
    },
    complete: () => 'three',
    discard: (_, { at }) => new op.Close({ descriptor: at }),
  });
}

test('defineOpCode() refuses what is no description', () => {
  const good = { name: 'NOP', code: 0, since: '5.1', prepare() {} };
  const define = (change: object) => () => op.defineOpCode({ ...good, ...change } as never);
  expect(define({})).not.toThrow();
  expect(define({ name: '' })).toThrow(TypeError);
  expect(define({ code: 256 })).toThrow(RangeError);
  expect(define({ code: '0' })).toThrow(TypeError);
  expect(define({ since: 'lately' })).toThrow(TypeError);
  expect(define({ prepare: null })).toThrow(TypeError);
  const Defined = op.defineOpCode<{ mode: number }>({ ...good, multishot: ({ mode }) => mode > 0 });
  expect([new Defined({ mode: 1 }).multishot, new Defined({ mode: 0 }).multishot]).toEqual([
    true,
    false,
  ]);
  expect(() => new Defined(null as never)).toThrow(TypeError);
  const { options } = new Defined({ mode: 1 });
  expect(Object.isFrozen(options)).toBe(true);
});
