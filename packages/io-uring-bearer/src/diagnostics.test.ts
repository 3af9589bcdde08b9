import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Nop, type OpCode, Timeout } from '@ringbearer/io-uring-opcode';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bearerMaker, inUse } from '../test-support/bearers.js';
import { ArraySlab, BEARER_CHANNELS, UringBearer } from './index.js';

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
  // A slab whose keys change between the submission and the look-up stands for a kernel that answers late.
  class Shifted<T> extends ArraySlab<T> {
    shift = 1;
    override get(slot: number, generation: number): T | undefined {
      return super.get(slot, generation + this.shift);
    }
  }
  let slab: Shifted<OpCode<unknown>> | undefined;
  const bearer = make(
    'manual',
    {},
    {
      slab: (capacity) => {
        slab = new Shifted(capacity);
        return slab;
      },
    },
  );
  const nop = new Nop({ result: 41 });
  bearer.push(nop);
  const { slot, generation } = nop;
  bearer.submitAndWait();
  bearer.handleCompletions();
  expect(about(bearer).slice(1)).toEqual([
    ['ringbearer:bearer:stale', { bearer, slot, generation, res: 41, flags: 0 }],
  ]);
  // For close(): the record is still taken.
  slab!.shift = 0;
  slab!.release(slot);
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
