// The futex surface, in one thread. futex-workers.test.ts has the Workers.

import { FutexWait, OpNumber } from '@ringbearer/io-uring-opcode';
import { describe, expect, test } from 'vitest';
import { bearerMaker, inUse, settled } from '../test-support/bearers.js';
import { driven } from '../test-support/chains.js';
import { AtCapacity, Futex, UringBearer } from './index.js';

const make = bearerMaker();
const shared = (count = 4) => new Int32Array(new SharedArrayBuffer(4 * count));
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    ({ code, name }) => (typeof code === 'string' ? code : name),
  );

describe.each(['embedded', 'owner', 'manual'] as const)('driver %s', (driver) => {
  test('wait() ends with a wake-up, and tells how many there were', async () => {
    const bearer = make(driver);
    const futex = bearer.futex(shared(), 2);
    const order: string[] = [];
    const waits = [0, 1, 2].map((i) => futex.wait(0).then((how) => order.push(`${how} ${i}`)));
    bearer.flush();
    futex.store(1);
    expect(await driven(bearer, futex.wake(2))).toBe(2);
    expect(order.length).toBeLessThanOrEqual(2);
    expect(await driven(bearer, futex.wake())).toBe(1);
    await driven(bearer, Promise.all(waits));
    expect(order.sort()).toEqual(['ok 0', 'ok 1', 'ok 2']);
    expect(await driven(bearer, futex.wake())).toBe(0);
    futex.release();
  });

  test('wait() of a word that is something else is no wait', async () => {
    const bearer = make(driver);
    const words = shared();
    Atomics.store(words, 3, -5);
    const futex = bearer.futex(words, 3);
    expect(await driven(bearer, futex.wait(7))).toBe('not-equal');
    // Signed or unsigned, it is the same word: this one waits.
    const waits = [futex.wait(-5), futex.wait(0xffff_fffb)];
    bearer.flush();
    expect(await driven(bearer, futex.wake())).toBe(2);
    expect(await driven(bearer, Promise.all(waits))).toEqual(['ok', 'ok']);
  });

  test('waitAny() tells which', async () => {
    const bearer = make(driver);
    const words = shared(130);
    const list = Array.from({ length: 128 }, (_, i) => ({
      futex: bearer.futex(words, i),
      expected: 0,
    }));
    for (const index of [0, 1, 127]) {
      const woken = Futex.waitAny(list);
      bearer.flush();
      expect(await driven(bearer, list[index]!.futex.wake())).toBe(1);
      expect(await driven(bearer, woken)).toBe(index);
    }
    list[64]!.futex.store(1);
    expect(await driven(bearer, Futex.waitAny(list))).toBe('not-equal');
  });

  test('a store between look and wait is seen', async () => {
    const bearer = make(driver);
    const futex = bearer.futex(shared(), 0);
    const waited = futex.wait(futex.load());
    futex.store(1); // the kernel has not looked yet
    expect(await driven(bearer, waited)).toBe('not-equal');
  });
});

test('waitWhile() outlasts wake-ups that changed nothing', async () => {
  const bearer = make('embedded');
  const futex = bearer.futex(shared(), 0);
  let seen: number | null = null;
  const waited = futex.waitWhile(0).then((value) => {
    seen = value;
  });
  for (let i = 0; i < 5; i++) {
    bearer.flush();
    expect(await futex.wake()).toBe(1);
    await new Promise(setImmediate);
    expect(seen).toBe(null);
  }
  futex.store(9);
  bearer.flush();
  await futex.wake();
  await waited;
  expect(seen).toBe(9);
  expect(await futex.waitWhile(0)).toBe(9);
  futex.store(-1);
  const minusOne = new AbortController();
  const waiting = codeOf(futex.waitWhile(0xffff_ffff, minusOne));
  minusOne.abort();
  expect(await waiting).toBe('AbortError');
});

describe('cancelling', () => {
  test('first: the wait rejects with the reason, and no wake-up is spent on it', async () => {
    const bearer = make('embedded');
    const futex = bearer.futex(shared(), 0);
    const reason = new Error('enough');
    const controller = new AbortController();
    const cancelled = futex.wait(0, controller).catch((error) => error);
    const other = futex.wait(0);
    bearer.flush();
    controller.abort(reason);
    bearer.flush();
    expect(await futex.wake(1)).toBe(1);
    expect([await cancelled, await other]).toEqual([reason, 'ok']);
    await settled(bearer);
  });

  test('second: the wait is over, and its wake-up counts', async () => {
    const bearer = make('embedded');
    const futex = bearer.futex(shared(), 0);
    const controller = new AbortController();
    const waited = futex.wait(0, controller);
    bearer.flush();
    const woken = futex.wake(1);
    bearer.flush();
    controller.abort();
    expect([await woken, await waited]).toEqual([1, 'ok']);
    await settled(bearer);
  });

  test('at the same time, 200 times: each wait is woken or cancelled, as the count of wake() says', async () => {
    const bearer = make('embedded', { CoreQueue: 64 });
    const futex = bearer.futex(shared(), 0);
    for (let i = 0; i < 200; i++) {
      const controller = new AbortController();
      const waited = codeOf(futex.wait(0, controller));
      bearer.flush();
      if (i % 2 === 0) controller.abort();
      const woken = futex.wake();
      if (i % 2 === 1) controller.abort();
      expect(await waited).toBe((await woken) === 1 ? 'no error' : 'AbortError');
    }
    await settled(bearer);
    futex.release();
  });

  test('before: nothing is submitted', async () => {
    const bearer = make('embedded');
    const { submitted } = bearer.stats();
    const futex = bearer.futex();
    expect(await codeOf(futex.wait(0, { signal: AbortSignal.abort() }))).toBe('AbortError');
    expect(await codeOf(futex.waitWhile(0, { signal: AbortSignal.abort() }))).toBe('AbortError');
    const list = [{ futex, expected: 0 }];
    expect(await codeOf(Futex.waitAny(list, { signal: AbortSignal.abort() }))).toBe('AbortError');
    expect(bearer.stats().submitted).toBe(submitted);
  });

  test('waitAny() lets all of its words go', async () => {
    const bearer = make('embedded');
    const words = shared();
    const list = [0, 1].map((i) => ({ futex: bearer.futex(words, i), expected: 0 }));
    const controller = new AbortController();
    const waited = codeOf(Futex.waitAny(list, controller));
    bearer.flush();
    expect(() => list[1]!.futex.release()).toThrow('wake or cancel that first');
    controller.abort();
    expect(await waited).toBe('AbortError');
    for (const { futex } of list) futex.release();
  });
});

describe('bounds', () => {
  test('Futexes are counted, and come back with release()', () => {
    const bearer = make('embedded', { Futexes: 2 });
    const used = () => bearer.stats().capacity.Futexes.used;
    const words = shared();
    for (let round = 0; round < 5; round++) {
      const held = [bearer.futex(words, 0), bearer.futex()];
      expect(used()).toBe(2);
      for (const more of [() => bearer.futex(words, 0), () => bearer.futex()]) {
        expect(more).toThrow(AtCapacity);
        expect(more).toThrow('release words that are done');
      }
      expect(held[1]!.load()).toBe(0);
      held[1]!.store(round + 1);
      for (const futex of held) {
        futex.release();
        futex[Symbol.dispose]();
      }
      expect(used()).toBe(0);
    }
  });

  test('arguments that cannot be', async () => {
    const bearer = make('embedded');
    const other = make('embedded');
    const words = shared();
    expect(() => bearer.futex(new Int32Array(4), 0)).toThrow(/SharedArrayBuffer/);
    expect(() => bearer.futex(new Uint8Array(new SharedArrayBuffer(8)) as never)).toThrow(
      TypeError,
    );
    expect(() => bearer.futex({ buffer: words.buffer, length: 9 } as never)).toThrow(TypeError);
    for (const index of [-1, 4, 0.5, Number.NaN]) {
      expect(() => bearer.futex(words, index)).toThrow(RangeError);
    }
    expect(bearer.stats().capacity.Futexes.used).toBe(0);
    const futex = bearer.futex(words, 0);
    expect(await codeOf(futex.wait(2 ** 32))).toBe('RangeError');
    expect(await codeOf(futex.wait('0' as never))).toBe('TypeError');
    for (const count of [0, -1, 2 ** 31])
      expect(await codeOf(futex.wake(count))).toBe('RangeError');
    expect(await codeOf(Futex.waitAny([]))).toBe('RangeError');
    expect(await codeOf(Futex.waitAny([{ futex: words, expected: 0 } as never]))).toBe('TypeError');
    const many = Array.from({ length: 129 }, () => ({ futex, expected: 0 }));
    expect(await codeOf(Futex.waitAny(many))).toBe('RangeError');
    const mixed = [futex, other.futex(words, 1)].map((one) => ({ futex: one, expected: 0 }));
    await expect(Futex.waitAny(mixed)).rejects.toThrow('all words must be of one bearer');
    expect(inUse(bearer)).toBe(0);
    futex.release();
    for (const use of [futex.wait(0), futex.wake(), Futex.waitAny([{ futex, expected: 0 }])]) {
      expect(await codeOf(use)).toBe('BUFFER_RELEASED');
    }
  });

  test('a closed bearer, one that closes, and a kernel that has no futexes', async () => {
    const words = shared();
    const bearer = make('embedded');
    const futex = bearer.futex(words, 0);
    const waits = [codeOf(futex.wait(0)), codeOf(Futex.waitAny([{ futex, expected: 0 }]))];
    await bearer.close();
    expect(await Promise.all(waits)).toEqual(['ECANCELED', 'ECANCELED']);
    expect(await codeOf(futex.wait(0))).toBe('BEARER_CLOSED');
    expect(await codeOf(futex.wake())).toBe('BEARER_CLOSED');
    futex.release();
    const { FUTEX_WAIT, FUTEX_WAKE, FUTEX_WAITV } = OpNumber;
    const old = make('embedded', {}, { disableOpcodes: [FUTEX_WAIT, FUTEX_WAKE, FUTEX_WAITV] });
    const none = old.futex();
    for (const use of [none.wait(0), none.wake(), Futex.waitAny([{ futex: none, expected: 0 }])]) {
      await expect(use).rejects.toThrow(/it is in Linux 6\.7 and later/);
    }
  });
});

test('Atomics.notify wakes no wait(), and wake() no Atomics.waitAsync: two lists of waiters', async () => {
  const bearer = make('embedded');
  const words = shared();
  const futex = bearer.futex(words, 0);
  const waited = futex.wait(0);
  bearer.flush();
  expect(Atomics.notify(words, 0)).toBe(0);
  expect(await futex.wake()).toBe(1);
  expect(await waited).toBe('ok');
});

test('a waiter and a waker of another ring of this thread meet, and so do operations of the opcode package', async () => {
  const words = shared();
  const [here, there] = [make('embedded'), make('embedded')];
  const mine = here.futex(words, 1);
  const theirs = there.futex(words, 1);
  const waits = [mine.wait(0), here.submit(new FutexWait({ word: mine.word, expected: 0 }))];
  here.flush();
  expect(await theirs.wake()).toBe(2);
  expect(await Promise.all(waits)).toEqual(['ok', 'ok']);
});

test('shared memory that nobody else holds stays while an operation waits on it', async (context) => {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) {
    const { setFlagsFromString } = await import('node:v8');
    setFlagsFromString('--expose-gc');
    const { runInNewContext } = await import('node:vm');
    (globalThis as { gc?: () => void }).gc = runInNewContext('gc');
  }
  const collect = (globalThis as { gc?: () => void }).gc;
  if (collect === undefined) return context.skip('this Node.js cannot be asked to collect garbage');
  const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
  let waited: Promise<unknown> | undefined;
  let memory: WeakRef<SharedArrayBuffer> | undefined;
  let idle: WeakRef<SharedArrayBuffer> | undefined;
  (() => {
    const words = shared();
    memory = new WeakRef(words.buffer as SharedArrayBuffer);
    idle = new WeakRef(shared().buffer as SharedArrayBuffer);
    waited = codeOf(bearer.futex(words, 0).wait(0));
  })();
  bearer.flush();
  for (let i = 0; i < 10; i++) {
    await new Promise(setImmediate);
    collect();
  }
  expect(idle?.deref()).toBe(undefined); // the collector does take such memory
  expect(memory?.deref()).toBeInstanceOf(SharedArrayBuffer);
  await bearer.close();
  expect(await waited).toBe('ECANCELED');
});
