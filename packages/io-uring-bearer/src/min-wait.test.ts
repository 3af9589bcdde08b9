import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Feature, Nop, Pipe, Read, Timeout } from '@ringbearer/io-uring-opcode';
import { type RawRing, Ring } from '@ringbearer/native/ring';
import { beforeEach, describe, expect, test } from 'vitest';
import { bearerMaker, inUse } from '../test-support/bearers.js';
import { KernelFixture } from '../test-support/kernel-fixture.js';
import type { BearerOptions, DriverKind, RingFactory } from './index.js';

const fixture = new KernelFixture();
const make = bearerMaker();

/** A ring of a kernel that knows no minimal waits. */
const withoutFeature: RingFactory = (...args) =>
  new Proxy(new Ring(...args), {
    get(target: RawRing, name) {
      if (name === 'features') return target.features & ~Feature.MIN_TIMEOUT;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });

/** A bearer with timers that end in the given milliseconds, and how many of them have. */
function timers(driver: DriverKind, milliseconds: number[], options: BearerOptions = {}) {
  const bearer = make(driver, {}, options);
  const ended: number[] = [];
  for (const each of milliseconds) {
    const timer = new Timeout({ milliseconds: each });
    timer.handler = () => ended.push(each);
    bearer.push(timer);
  }
  return { bearer, ended };
}

/**
 * Reads of pipes that another process writes to, one after the other, 20 ms apart. No timers, as a Timeout that ends always wakes its
 * ring.
 */
async function reads(driver: DriverKind, options: BearerOptions = {}) {
  const bearer = make(driver, {}, options);
  const pipes = [await fixture.run(new Pipe()), await fixture.run(new Pipe())] as const;
  for (const { readEnd, writeEnd } of pipes) {
    fixture.kept(readEnd);
    fixture.kept(writeEnd);
  }
  const writers = pipes.map(({ writeEnd }) => writeEnd.number);
  const child = spawn(
    'sh',
    ['-c', 'read go; for fd in 3 4; do sleep 0.02; echo hi >&$fd; done; read end'],
    {
      stdio: ['pipe', 'ignore', 'ignore', ...writers],
    },
  );
  const ended: number[] = [];
  let done = () => {};
  const all = new Promise<void>((resolve) => {
    done = resolve;
  });
  pipes.forEach(({ readEnd }, index) => {
    const read = new Read({ descriptor: readEnd, memory: bearer.allocate(16) });
    read.handler = () => {
      if (ended.push(index) === pipes.length) done();
    };
    bearer.push(read);
  });
  bearer.flush();
  await new Promise<void>((resolve) => child.stdin!.write('go\n', () => resolve()));
  // It ends only then: the signal of its end would interrupt a wait.
  const finish = () => {
    child.stdin!.end('end\n');
    return new Promise((resolve) => child.once('exit', resolve));
  };
  return { bearer, ended, all, finish };
}

beforeEach((context) => {
  const { kernel, features } = make('manual').probe();
  if (!features.includes('MIN_TIMEOUT')) context.skip(`kernel ${kernel} has no MIN_TIMEOUT`);
});

describe('submitAndWait() with minWaitUs', () => {
  test('comes back with what there is then, after one wait', async (context) => {
    fixture.needs(context, 'PIPE');
    const { bearer, ended, finish } = await reads('manual');
    bearer.push(new Timeout({ milliseconds: 60_000 }));
    bearer.flush();
    const { enters } = bearer.stats();
    bearer.submitAndWait(3, { minWaitUs: 500_000 });
    expect(bearer.stats().enters - enters).toBe(2);
    expect(bearer.handleCompletions()).toBe(2);
    expect(ended).toEqual([0, 1]);
    await finish();
  });

  test('waits for the first when there is none then, and no longer', () => {
    const { bearer, ended } = timers('manual', [50, 60_000]);
    bearer.submitAndWait(2, { minWaitUs: 1000 });
    bearer.handleCompletions();
    expect(ended).toEqual([50]);
  });

  test('is not needed when all are there, and 0 means that one is enough', () => {
    const { bearer, ended } = timers('manual', [60_000]);
    for (let i = 0; i < 3; i++) bearer.push(new Nop());
    bearer.submitAndWait(3, { minWaitUs: 1_000_000, timeoutMs: 60_000 });
    expect(bearer.stats().enters).toBe(1);
    expect(bearer.handleCompletions()).toBe(3);
    bearer.push(new Timeout({ milliseconds: 1 }));
    bearer.submitAndWait(2, { minWaitUs: 0 });
    expect([bearer.handleCompletions(), ended]).toEqual([1, []]);
  });

  test('ends with timeoutMs, also a shorter one', () => {
    const { bearer } = timers('manual', [60_000]);
    bearer.submitAndWait(2, { timeoutMs: 5, minWaitUs: 1_000_000 });
    bearer.submitAndWait(2, { timeoutMs: 5, minWaitUs: 1000 });
    bearer.submitAndWait(2, { timeoutMs: 0, minWaitUs: 1000 });
    expect([bearer.handleCompletions(), inUse(bearer)]).toEqual([0, 1]);
  });

  test('checks its arguments, and the kernel', () => {
    const bearer = make('manual');
    for (const minWaitUs of [-1, 1.5, Number.NaN, 1_000_001, Number.POSITIVE_INFINITY]) {
      expect(() => bearer.submitAndWait(1, { minWaitUs })).toThrow(RangeError);
    }
    expect(() => bearer.submitAndWait(1, { timeoutMs: -1 })).toThrow(RangeError);
    const older = make('manual', {}, { ringFactory: withoutFeature });
    expect(() => older.submitAndWait(1, { minWaitUs: 1 })).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED_FEATURE' }),
    );
    expect(older.submitAndWait(1, { timeoutMs: 1 })).toBe(0);
  });
});

describe('the owner driver with minWaitUs', () => {
  /** What had ended at each wake-up that found something. */
  async function wakes(options: BearerOptions): Promise<number[]> {
    const seen: number[] = [];
    let list: readonly number[] = [];
    const onBatch = () => {
      if (list.length > (seen.at(-1) ?? 0)) seen.push(list.length);
    };
    const { ended, all, finish } = await reads('owner', { ...options, onBatch });
    list = ended;
    await all; // no timer that would bound the wait
    await finish();
    return seen;
  }

  test('wakes once for several completions', async (context) => {
    fixture.needs(context, 'PIPE');
    expect(await wakes({ minWaitUs: 500_000 })).toEqual([2]);
  });

  test('timers of the event loop are not late, and its files come', async () => {
    const bearer = make('owner', {}, { minWaitUs: 1_000_000 });
    const order: string[] = [];
    bearer.submit(new Timeout({ milliseconds: 60_000 })).catch(() => {});
    await Promise.all([
      sleep(400).then(() => order.push('later')),
      sleep(5).then(() => order.push('soon')),
    ]);
    const { readFile } = await import('node:fs/promises');
    expect(await readFile(new URL(import.meta.url), 'utf8')).toContain('not late');
    expect(order).toEqual(['soon', 'later']);
  });

  test('says what was granted', () => {
    expect(make('owner', {}, { minWaitUs: 50 }).capabilities().minWaitUs).toBe(50);
    // The thread has an owner.
    expect(make('owner', {}, { minWaitUs: 50 }).capabilities().minWaitUs).toBe(0);
    expect(make('embedded').capabilities().minWaitUs).toBe(0);
  });

  test('an older kernel grants none', () => {
    const bearer = make('owner', {}, { minWaitUs: 50, ringFactory: withoutFeature });
    expect(bearer.capabilities().minWaitUs).toBe(0);
  });

  test.each([
    ['owner', -1, RangeError],
    ['owner', 0.5, RangeError],
    ['owner', 1_000_001, RangeError],
    ['embedded', 50, TypeError],
    ['manual', 50, TypeError],
  ] as const)('refuses driver %s with %d', (driver, minWaitUs, error) => {
    expect(() => make(driver, {}, { minWaitUs })).toThrow(error);
  });
});
