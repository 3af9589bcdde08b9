import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { RawFd } from '@ringbearer/io-uring-fd';
import { Mailbox, MsgRing, Nop, Timeout } from '@ringbearer/io-uring-opcode';
import { Ring } from '@ringbearer/native/ring';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bearerMaker, inUse } from '../test-support/bearers.js';
import { sleep } from '../test-support/kernel-fixture.js';
import { BEARER_CHANNELS, type RingFactory, UringBearer } from './index.js';

const make = bearerMaker();
const seen: [name: string, message: Record<string, unknown>][] = [];
const names = Object.values(BEARER_CHANNELS);
const listen = (message: unknown, name: string | symbol) =>
  seen.push([String(name), message as Record<string, unknown>]);

beforeEach(() => {
  seen.length = 0;
  for (const name of names) subscribe(name, listen);
});
afterEach(() => {
  for (const name of names) unsubscribe(name, listen);
});

const about = (bearer: UringBearer) => seen.filter(([, message]) => message.bearer === bearer);

describe.each(['embedded', 'owner', 'manual'] as const)('channels with driver %s', (driver) => {
  test('tell of its life, and of nothing when all is well', async () => {
    const bearer = make(driver);
    bearer.push(new Nop());
    if (driver === 'manual') {
      bearer.submitAndWait();
      bearer.handleCompletions();
    } else while (inUse(bearer) > 0) await new Promise(setImmediate);
    await bearer.close();
    await bearer.close();
    expect(about(bearer)).toEqual([
      ['ringbearer:bearer:open', { bearer }],
      ['ringbearer:bearer:close', { bearer }],
    ]);
  });

  test('tell of capacities that are used up', async () => {
    const bearer = make(driver, { PendingCompletions: 2, BufferBytes: 4096, Futexes: 1 });
    bearer.push(new Timeout({ milliseconds: 60_000 }));
    await expect(bearer.chain(new Nop()).link(new Nop()).submit()).rejects.toThrow();
    bearer.push(new Timeout({ milliseconds: 60_000 }));
    expect(() => bearer.push(new Nop())).toThrow();
    bearer.buffers.futex();
    expect(() => bearer.buffers.futex()).toThrow();
    expect(about(bearer).slice(1)).toEqual(
      [
        { kind: 'PendingCompletions', limit: 2, used: 1 },
        { kind: 'PendingCompletions', limit: 2, used: 2 },
        { kind: 'Futexes', limit: 1, used: 1 },
      ].map((what) => ['ringbearer:bearer:at-capacity', { bearer, ...what }]),
    );
  });
});

test('tell of completions that named nothing', async () => {
  const from = make('embedded');
  let fd = -1;
  const ringFactory: RingFactory = (...args) => {
    const ring = new Ring(...args);
    fd = ring.fd;
    return ring;
  };
  const bearer = make('embedded', {}, { ringFactory });
  const mailbox = new Mailbox();
  bearer.push(mailbox);
  const key = { slot: mailbox.slot, generation: mailbox.generation };
  bearer.cancel(mailbox);
  while (inUse(bearer) > 0) await new Promise(setImmediate);
  await from.submit(new MsgRing({ ring: new RawFd(fd), key, message: 41 }));
  for (let i = 0; i < 200 && bearer.stats().stale === 0; i++) await sleep(1);
  expect(about(bearer).slice(1)).toEqual([
    ['ringbearer:bearer:stale', { bearer, ...key, res: 41, flags: expect.any(Number) }],
  ]);
});

test('tell of a queue that overflows', async () => {
  const bearer = make('manual', { CoreQueue: 4, CompletionQueue: 4, PendingCompletions: 64 });
  for (let i = 0; i < 32; i++) {
    bearer.push(new Nop());
    if (i % 4 === 3) bearer.flush();
  }
  while (inUse(bearer) > 0) {
    bearer.submitAndWait(0);
    bearer.handleCompletions();
  }
  const { overflows } = bearer.stats();
  expect(overflows).toBeGreaterThan(0);
  expect(about(bearer).slice(1)).toEqual(
    Array.from({ length: overflows }, (_, index) => [
      'ringbearer:bearer:overflow',
      { bearer, overflows: index + 1 },
    ]),
  );
});

test('a bearer that cannot be made was never open', () => {
  expect(() => UringBearer.withCapacity({ CoreQueue: 8 }, { manualFiles: 4 })).toThrow(RangeError);
  expect(seen).toEqual([]);
});
