import { setTimeout as sleep } from 'node:timers/promises';
import {
  Nop,
  type OpCode,
  RecvMulti,
  Send,
  SocketType,
  SubmissionFlags,
  Timeout,
} from '@ringbearer/io-uring-opcode';
import { type RawRing, Ring } from '@ringbearer/native/ring';
import { beforeEach, describe, expect, test } from 'vitest';
import { bearerMaker, inUse } from '../test-support/bearers.js';
import { driven } from '../test-support/chains.js';
import { encode, KernelFixture } from '../test-support/kernel-fixture.js';
import { type RingFactory, RingTrace, type UringBearer } from './index.js';

const fixture = new KernelFixture();
const make = bearerMaker();

const limits = (bearer: UringBearer) => {
  const { CoreQueue, CompletionQueue, PendingCompletions } = bearer.stats().capacity;
  return [CoreQueue.limit, CompletionQueue.limit, PendingCompletions.limit];
};

/** Handles completions until `done()`, in whatever way the driver does that. */
async function until(bearer: UringBearer, done: () => boolean): Promise<void> {
  for (let i = 0; !done(); i++) {
    if (i === 5000) throw new Error(`nothing more happens: ${JSON.stringify(bearer.stats())}`);
    if (bearer.driver === 'manual') {
      bearer.submitAndWait(1, 2);
      bearer.handleCompletions();
    }
    await sleep(bearer.driver === 'manual' ? 0 : 1);
  }
}

/** Pushes NOPs that answer their number; `seen` gets the answers. */
function pushNumbers(bearer: UringBearer, count: number, seen: number[], from = 0): void {
  for (let i = from; i < from + count; i++) {
    const nop = new Nop({ result: i });
    nop.handler = (cqe) => seen.push(cqe.res);
    bearer.push(nop);
  }
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

/** A ring whose kernel refuses to resize. */
const refusing =
  (code: string, errno: number): RingFactory =>
  (...args) =>
    new Proxy(new Ring(...args), {
      get(target: RawRing, name) {
        if (name === 'resize') {
          return () => {
            throw Object.assign(new Error(`io_uring_register failed: ${code}`), { code, errno });
          };
        }
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });

beforeEach(async (context) => {
  const bearer = make('manual');
  try {
    await bearer.resize({ CoreQueue: 32 });
  } catch (error) {
    context.skip(`the queues of a ring cannot be resized here: ${(error as Error).message}`);
  }
});

describe.each(['owner', 'manual'] as const)('driver %s: resize()', (driver) => {
  test('changes the limits of the two queues, and what is not given stays', async () => {
    const bearer = make(driver);
    await bearer.resize({ CoreQueue: 256 }).then(
      () => expect.unreachable(),
      (error) => expect(error.message).toContain('CompletionQueue must be >= CoreQueue (256)'),
    );
    await bearer.resize({ CompletionQueue: 1024 });
    expect(limits(bearer)).toEqual([16, 1024, 1024]);
    await bearer.resize({ CoreQueue: 256 });
    expect(limits(bearer)).toEqual([256, 1024, 1024]);
    await bearer.resize({ CoreQueue: 1, CompletionQueue: 2 });
    expect(limits(bearer)).toEqual([1, 2, 1024]);
    expect(bearer.capabilities()).toMatchObject({ submissionEntries: 1, completionEntries: 2 });
    await bearer.resize({ CoreQueue: 32_768, CompletionQueue: 65_536 });
    expect(limits(bearer)).toEqual([32_768, 65_536, 1024]);
    await bearer.resize({});
    expect(limits(bearer)).toEqual([32_768, 65_536, 1024]);
    await expect(driven(bearer, bearer.submit(new Nop({ result: 7 })))).resolves.toBe(7);
  });

  test.each([
    [{ CoreQueue: 0 }, RangeError, 'CoreQueue must be an integer from 1 to 32768'],
    [{ CoreQueue: 12 }, RangeError, 'CoreQueue must be a power of two (the next is 16)'],
    [{ CoreQueue: 1.5 }, RangeError, 'current value is 1.5'],
    [{ CoreQueue: 65_536 }, RangeError, 'from 1 to 32768'],
    [{ CompletionQueue: 131_072 }, RangeError, 'from 2 to 65536'],
    [{ CompletionQueue: 8 }, RangeError, 'CompletionQueue must be >= CoreQueue (16)'],
    [{ CompletionQueue: Number.NaN }, RangeError, 'current value is NaN'],
    [{ PendingCompletions: 64 }, TypeError, 'only CoreQueue and CompletionQueue change'],
    [null, TypeError, 'must be an object like { CoreQueue: 256 }'],
  ])('refuses %j', async (sizes, kind, message) => {
    const bearer = make(driver);
    const error = await bearer.resize(sizes as never).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(kind);
    expect((error as Error).message).toContain(message);
    expect(limits(bearer)).toEqual([16, 64, 1024]);
  });

  test('moves entries that are queued', async () => {
    const bearer = make(driver);
    const seen: number[] = [];
    pushNumbers(bearer, 10, seen);
    await bearer.resize({ CoreQueue: 64 });
    pushNumbers(bearer, 50, seen, 10);
    await bearer.resize({ CoreQueue: 64, CompletionQueue: 128 });
    await until(bearer, () => seen.length === 60);
    pushNumbers(bearer, 16, seen, 60);
    await bearer.resize({ CoreQueue: 16 });
    await until(bearer, () => seen.length === 76);
    expect(seen).toEqual(numbers(76));
    pushNumbers(bearer, 16, seen, 76);
    // They do not fit: they are submitted first.
    await bearer.resize({ CoreQueue: 2 });
    await until(bearer, () => seen.length === 92);
    expect(seen).toEqual(numbers(92));
    expect(bearer.stats()).toMatchObject({ stale: 0, dropped: 0 });
  });

  test('with 1000 operations in flight, up and down', async () => {
    const bearer = make(driver, { CoreQueue: 256, CompletionQueue: 1024 });
    const [ours, theirs] = await fixture.pair(SocketType.DGRAM);
    const ring = bearer.buffers.ring({ count: 16, bufferBytes: 64 });
    const heard: string[] = [];
    const receive = new RecvMulti({ socket: ours, group: ring.group });
    receive.handler = (cqe) => {
      if (cqe.res < 0) return;
      const lease = ring.lease(cqe.bufferId, cqe.res);
      heard.push(lease.toString());
      lease.release();
    };
    bearer.push(receive);
    const timers: Timeout[] = [];
    let canceled = 0;
    for (let i = 0; i < 999; i++) {
      const timer = new Timeout({ milliseconds: 60_000 });
      timer.handler = () => canceled++;
      timers.push(timer);
      bearer.push(timer);
    }
    for (let round = 0; round < 10; round++) {
      const large = round % 2 === 0;
      await bearer.resize({ CoreQueue: large ? 1024 : 8, CompletionQueue: large ? 4096 : 16 });
      await fixture.run(new Send({ socket: theirs, data: encode(`round ${round}`) }));
      await until(bearer, () => heard.length === round + 1);
      expect(inUse(bearer)).toBe(1000);
    }
    expect(heard).toEqual(numbers(10).map((round) => `round ${round}`));
    for (const timer of timers) bearer.cancel(timer);
    await until(bearer, () => inUse(bearer) === 1);
    expect(canceled).toBe(999);
    expect(bearer.stats()).toMatchObject({ stale: 0, dropped: 0 });
  });

  test('under load, again and again', async () => {
    const bearer = make(driver, { CoreQueue: 64, PendingCompletions: 4096 });
    const sizes = [8, 512, 2, 64, 4096, 1];
    let stopped = false;
    let pushed = 0;
    let completed = 0;
    let wrong = 0;
    for (let i = 0; i < 400; i++) {
      const operation: OpCode<unknown> =
        i % 4 === 0 ? new Timeout({ milliseconds: 1 }) : new Nop({ result: i });
      operation.handler = (cqe) => {
        if (operation instanceof Nop && cqe.res !== i) wrong++;
        completed++;
        if (stopped) return;
        pushed++;
        bearer.push(operation);
      };
      pushed++;
      bearer.push(operation);
    }
    let refused = 0;
    for (let i = 0; i < 60; i++) {
      const CoreQueue = sizes[i % sizes.length]!;
      await bearer.resize({ CoreQueue, CompletionQueue: CoreQueue * 2 }).catch((error) => {
        if (error.code !== 'RESIZE_BUSY') throw error;
        refused++;
      });
      const before = completed;
      await until(bearer, () => completed > before + 100);
    }
    stopped = true;
    await until(bearer, () => inUse(bearer) === 0);
    const { stale, dropped } = bearer.stats();
    expect({ completed, wrong, stale, dropped }).toEqual({
      completed: pushed,
      wrong: 0,
      stale: 0,
      dropped: 0,
    });
    expect(refused).toBeLessThan(60);
  });

  test('from a handler: once the batch is handled', async () => {
    const bearer = make(driver);
    const seen: unknown[] = [];
    let resizing: Promise<void> | undefined;
    const first = new Nop({ result: 1 });
    first.handler = (cqe) => {
      resizing = bearer.resize({ CoreQueue: 2, CompletionQueue: 32 });
      seen.push(limits(bearer)[0], cqe.res);
      pushNumbers(bearer, 16, seen as number[], 100);
    };
    bearer.push(first);
    pushNumbers(bearer, 3, seen as number[], 50);
    await until(bearer, () => resizing !== undefined);
    await resizing;
    expect(seen.slice(0, 5)).toEqual([16, 1, 50, 51, 52]);
    expect(limits(bearer).slice(0, 2)).toEqual([2, 32]);
    await until(bearer, () => inUse(bearer) === 0);
    expect(seen.slice(5)).toEqual(numbers(16).map((i) => i + 100));
  });

  test('from an operation that is being written: once it is queued', async () => {
    const bearer = make(driver);
    const resizing: Promise<void>[] = [];
    class Resizer extends Nop {
      override acquire(): void {
        resizing.push(bearer.resize({ CoreQueue: 1, CompletionQueue: 2 }));
      }
      override prepare(...args: Parameters<Nop['prepare']>): void {
        resizing.push(bearer.resize({ CoreQueue: 64, CompletionQueue: 128 }));
        super.prepare(...args);
      }
    }
    const outcome = bearer.submit(new Resizer({ result: 5 }));
    expect(limits(bearer)[0]).toBe(16);
    await Promise.all(resizing);
    expect(limits(bearer)[0]).toBe(64);
    await expect(driven(bearer, outcome)).resolves.toBe(5);
  });

  test('refuses between the links of a chain', async () => {
    const bearer = make(driver);
    const seen: number[] = [];
    const first = new Nop({ result: 1 });
    first.handler = (cqe) => seen.push(cqe.res);
    bearer.push(first, SubmissionFlags.LINK);
    const refused = bearer.resize({ CoreQueue: 64 });
    await expect(refused).rejects.toMatchObject({ code: 'CHAIN_OPEN' });
    pushNumbers(bearer, 1, seen, 2);
    await bearer.resize({ CoreQueue: 64 });
    await until(bearer, () => seen.length === 2);
    expect(seen).toEqual([1, 2]);
  });

  test('and chains: whole ones move, and their longest length follows', async () => {
    const bearer = make(driver, { CoreQueue: 2, CompletionQueue: 64 });
    const build = () => {
      let chain = bearer.chain(new Nop({ result: 0 }));
      for (let i = 1; i < 20; i++) chain = chain.link(new Nop({ result: i })) as never;
      return chain as unknown as { submit(): Promise<readonly unknown[]> };
    };
    const early = build();
    await expect(build().submit()).rejects.toThrow('its length must be <= CoreQueue (2)');
    await bearer.resize({ CoreQueue: 32 });
    const outcome = early.submit();
    await bearer.resize({ CoreQueue: 64, CompletionQueue: 128 });
    expect(await driven(bearer, outcome)).toHaveLength(20);
  });

  test('and close(), in either order', async () => {
    const bearer = make(driver);
    bearer.push(new Timeout({ milliseconds: 60_000 }));
    const resized = bearer.resize({ CoreQueue: 64 });
    const closed = bearer.close();
    const late = bearer.resize({ CoreQueue: 32 });
    await expect(resized).rejects.toMatchObject({ code: 'BEARER_CLOSED' });
    await expect(late).rejects.toMatchObject({ code: 'BEARER_CLOSED' });
    await closed;
    await expect(bearer.resize({})).rejects.toMatchObject({ code: 'BEARER_CLOSED' });

    const other = make(driver);
    other.push(new Timeout({ milliseconds: 60_000 }));
    await other.resize({ CoreQueue: 64 });
    await other.close();
    expect(inUse(other)).toBe(0);
  });

  test('a trace sees what is in the new queues', async () => {
    const trace = new RingTrace({ events: 16 });
    const bearer = make(driver, {}, { trace });
    await bearer.resize({ CoreQueue: 64 });
    await driven(bearer, bearer.submit(new Nop({ result: 3 })));
    const events = trace.events();
    expect(events.map(({ type }) => type)).toEqual(['sqe', 'cqe']);
    expect(events[0]).toMatchObject({ words: expect.objectContaining({ 6: 3 }) });
  });

  test.each([
    ['EINVAL', -22, 'UNSUPPORTED_REGISTRATION', 'it is in Linux 6.13 and later'],
    ['ENOMEM', -12, 'RESIZE_FAILED', 'ulimit -l'],
    ['EOVERFLOW', -75, 'RESIZE_BUSY', 'handle completions first'],
  ])('a kernel that answers %s', async (code, errno, ours, message) => {
    const bearer = make(driver, {}, { ringFactory: refusing(code, errno) });
    const seen: number[] = [];
    pushNumbers(bearer, 4, seen);
    const error = await bearer.resize({ CoreQueue: 64 }).catch((reason) => reason);
    expect(error).toMatchObject({ code: ours, cause: { code } });
    expect(error.message).toContain(message);
    expect(limits(bearer)).toEqual([16, 64, 1024]);
    await until(bearer, () => seen.length === 4);
  });

  test('a ring of an older kernel, without DEFER_TASKRUN', async () => {
    const ringFactory: RingFactory = (entries, flags, completions) => {
      if ((flags & 0x2000) !== 0) throw Object.assign(new Error(), { code: 'EINVAL', errno: -22 });
      return new Ring(entries, flags, completions);
    };
    const bearer = make(driver, {}, { ringFactory });
    await expect(bearer.resize({ CoreQueue: 64 })).rejects.toMatchObject({
      code: 'UNSUPPORTED_REGISTRATION',
    });
  });
});

describe('resize(), driver manual', () => {
  test('moves completions that nobody has read, in order', async () => {
    const bearer = make('manual');
    const seen: number[] = [];
    pushNumbers(bearer, 12, seen);
    bearer.submitAndWait(12);
    await bearer.resize({ CompletionQueue: 512 });
    expect(bearer.handleCompletions(5)).toBe(5);
    await bearer.resize({ CoreQueue: 4, CompletionQueue: 8 });
    expect(bearer.handleCompletions()).toBe(7);
    expect(seen).toEqual(numbers(12));
  });

  test('refuses queues that are too small for what nobody has read', async () => {
    const bearer = make('manual');
    const seen: number[] = [];
    pushNumbers(bearer, 12, seen);
    bearer.submitAndWait(12);
    const error = await bearer
      .resize({ CoreQueue: 4, CompletionQueue: 8 })
      .catch((reason) => reason);
    expect(error.code).toBe('RESIZE_BUSY');
    expect(error.message).toContain('12 completions and 0 entries wait in them');
    expect(limits(bearer)).toEqual([16, 64, 1024]);
    expect(bearer.handleCompletions(4)).toBe(4);
    await bearer.resize({ CoreQueue: 4, CompletionQueue: 8 });
    bearer.handleCompletions();
    expect(seen).toEqual(numbers(12));
  });

  test('a queue that ran over: a larger one takes what the kernel kept', async () => {
    const bearer = make('manual', { CoreQueue: 8, CompletionQueue: 8 });
    const seen: number[] = [];
    for (let i = 0; i < 12; i++) {
      pushNumbers(bearer, 8, seen, i * 8);
      bearer.flush();
    }
    expect(seen.length).toBeLessThan(96);
    const before = seen.length;
    await bearer.resize({ CompletionQueue: 256 });
    bearer.flush();
    expect(bearer.handleCompletions()).toBe(96 - before);
    expect([...seen].sort((a, b) => a - b)).toEqual(numbers(96));
    expect(bearer.stats()).toMatchObject({ stale: 0, dropped: 0 });
  });
});

describe('resize(), driver owner', () => {
  test('handles what completes first, when smaller queues have no room for it', async () => {
    const bearer = make('owner', { CoreQueue: 64, CompletionQueue: 256 });
    const seen: number[] = [];
    pushNumbers(bearer, 60, seen);
    bearer.flush();
    await bearer.resize({ CoreQueue: 2, CompletionQueue: 4 });
    expect(seen).toEqual(numbers(60));
  });

  test('the event loop goes on: timers, files, immediates', async () => {
    const bearer = make('owner');
    const { readFile } = await import('node:fs/promises');
    for (let i = 0; i < 20; i++) {
      await bearer.resize({ CoreQueue: 1 << (i % 8), CompletionQueue: 512 >> (i % 2) });
      const [text] = await Promise.all([
        readFile(new URL(import.meta.url), 'utf8'),
        sleep(1),
        new Promise(setImmediate),
        bearer.submit(new Timeout({ milliseconds: 1 })),
      ]);
      expect(text).toContain('driver owner');
    }
  });
});

describe('resize(), driver embedded', () => {
  test('says why not, and how else', async () => {
    const bearer = make('embedded');
    const error = await bearer.resize({ CoreQueue: 64 }).catch((reason) => reason);
    expect(error.code).toBe('UNSUPPORTED_REGISTRATION');
    expect(error.message).toContain('or another driver');
    const owner = make('owner');
    const second = make('owner');
    expect([owner.driver, second.driver]).toEqual(['owner', 'embedded']);
    await expect(second.resize({})).rejects.toMatchObject({ code: 'UNSUPPORTED_REGISTRATION' });
  });
});
