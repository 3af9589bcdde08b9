// push() and submit(): handlers, Promises, cancellation and its races.

import { execFileSync } from 'node:child_process';
import { setMaxListeners } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { RawFd } from '@ringbearer/io-uring-fd';
import {
  AsyncCancel,
  type Cqe,
  Nop,
  OpCodeError,
  Read,
  Recv,
  Send,
  SendZc,
  SocketType,
  SubmissionFlags,
  Timeout,
} from '@ringbearer/io-uring-opcode';
import { describe, expect, test } from 'vitest';
import { bearerMaker, inUse, settled } from '../test-support/bearers.js';
import { encode, KernelFixture, sleep } from '../test-support/kernel-fixture.js';

const fixture = new KernelFixture();
const make = bearerMaker();

function fifo(name: string): { path: string; fd: number } {
  const path = join(fixture.folder, name);
  execFileSync('mkfifo', [path]);
  return { path, fd: openSync(path, 'r+') };
}

describe.each(['embedded', 'owner'] as const)('driver %s: push()', (driver) => {
  test('returns keys that differ, and calls the handler of each operation', async () => {
    const bearer = make(driver);
    const keys = new Set<number>();
    let calls = 0;
    for (let i = 0; i < 100; i++) {
      const nop = new Nop({ result: i });
      nop.handler = (cqe: Cqe) => {
        expect(cqe.res).toBe(i);
        calls++;
      };
      keys.add(bearer.push(nop));
    }
    await settled(bearer);
    expect([keys.size, calls]).toEqual([100, 100]);
  });

  test('takes the same object again from its handler, many times', async () => {
    const bearer = make(driver, { PendingCompletions: 1 });
    const nop = new Nop();
    const keys = new Set<number>();
    await new Promise<void>((resolve) => {
      let left = 500;
      nop.handler = () => {
        if (--left > 0) keys.add(bearer.push(nop));
        else resolve();
      };
      keys.add(bearer.push(nop));
    });
    expect(keys.size).toBe(500);
  });

  test('a chain of links runs in order, also when it meets the end of the queue', async () => {
    const bearer = make(driver, { CoreQueue: 8 });
    for (let before = 0; before < 8; before++) {
      const order: number[] = [];
      for (let i = 0; i < before; i++) bearer.push(new Nop());
      const chain = [
        new Timeout({ milliseconds: 3 }),
        new Nop(),
        new Timeout({ milliseconds: 1 }),
        new Nop(),
      ];
      const done = new Promise<void>((resolve) => {
        chain.forEach((operation, index) => {
          operation.handler = () => {
            order.push(index);
            if (index === 3) resolve();
          };
          bearer.push(operation, index < 3 ? SubmissionFlags.LINK : SubmissionFlags.NONE);
        });
      });
      await done;
      expect(order).toEqual([0, 1, 2, 3]);
    }
  });

  test('a chain longer than the queue is refused', async () => {
    const bearer = make(driver, { CoreQueue: 4 });
    for (let i = 0; i < 4; i++) bearer.push(new Nop(), SubmissionFlags.LINK);
    expect(() => bearer.push(new Nop())).toThrow(
      expect.objectContaining({
        code: 'SUBMISSION_QUEUE_FULL',
        message: expect.stringContaining('chain'),
      }),
    );
    await settled(bearer);
  });

  test('a failed link fails what follows; DRAIN waits for what went before', async () => {
    const bearer = make(driver);
    const results = await Promise.allSettled([
      bearer.submit(new Nop({ result: -5 }), { flags: SubmissionFlags.LINK }),
      bearer.submit(new Nop()),
    ]);
    expect(results.map((result) => result.status === 'rejected' && result.reason.code)).toEqual([
      'EIO',
      'ECANCELED',
    ]);
    const order: string[] = [];
    await Promise.all([
      bearer.submit(new Timeout({ milliseconds: 10 })).then(() => order.push('timeout')),
      bearer.submit(new Nop(), { flags: SubmissionFlags.DRAIN }).then(() => order.push('drained')),
    ]);
    expect(order).toEqual(['timeout', 'drained']);
  });

  test('SKIP_SUCCESS hides successes and shows failures', async () => {
    const bearer = make(driver);
    const seen: number[] = [];
    for (const result of [0, 7, -5]) {
      const nop = new Nop({ result });
      nop.handler = (cqe) => seen.push(cqe.res);
      bearer.push(nop, SubmissionFlags.SKIP_SUCCESS);
    }
    await settled(bearer);
    expect(seen).toEqual([-5]);
  });
});

describe.each(['embedded', 'owner'] as const)('driver %s: submit()', (driver) => {
  test('rejects with the reason of a signal that is aborted, and submits nothing', async () => {
    const bearer = make(driver);
    const reason = new Error('not today');
    await expect(bearer.submit(new Nop(), { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    expect(bearer.stats().submitted).toBe(0);
  });

  test('rejects with the reason when aborted before the flush, and later', async () => {
    const bearer = make(driver);
    for (const wait of [0, 5]) {
      const abort = new AbortController();
      const timeout = new Timeout({ milliseconds: 60_000 });
      const promise = bearer.submit(timeout, { signal: abort.signal });
      if (wait > 0) await sleep(wait);
      abort.abort();
      await expect(promise).rejects.toMatchObject({ name: 'AbortError' });
      expect(timeout.inFlight).toBe(false);
    }
    await settled(bearer);
  });

  test('an abort after the completion does nothing', async () => {
    const bearer = make(driver);
    const abort = new AbortController();
    expect(await bearer.submit(new Nop({ result: 3 }), { signal: abort.signal })).toBe(3);
    abort.abort();
    const { submitted } = bearer.stats();
    await bearer.submit(new Nop());
    expect(bearer.stats().submitted).toBe(submitted + 1);
  });

  test('an abort that races settles once, with the own completion', async () => {
    const bearer = make(driver, { CoreQueue: 64 });
    const ended = { elapsed: 0, aborted: 0 };
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          const abort = new AbortController();
          const promise = bearer.submit(new Timeout({ milliseconds: 2 }), { signal: abort.signal });
          setTimeout(() => abort.abort(), index % 5);
          await promise.then(
            () => ended.elapsed++,
            (error) => {
              expect(error.name).toBe('AbortError');
              ended.aborted++;
            },
          );
        }),
      );
    }
    expect(ended.elapsed + ended.aborted).toBe(200);
    await settled(bearer);
  });

  test('aborts when the submission queue is full of operations that pend', async () => {
    const bearer = make(driver, { CoreQueue: 4, PendingCompletions: 4 });
    const abort = new AbortController();
    const { signal } = abort;
    const promises = Array.from({ length: 4 }, () =>
      bearer.submit(new Timeout({ milliseconds: 60_000 }), { signal }),
    );
    abort.abort();
    for (const { status } of await Promise.allSettled(promises)) expect(status).toBe('rejected');
    await settled(bearer);
  });

  test('aborts hundreds at once, more than there are spare records', async () => {
    const bearer = make(driver, { CoreQueue: 16, PendingCompletions: 300 });
    const abort = new AbortController();
    setMaxListeners(0, abort.signal);
    const promises = Array.from({ length: 300 }, () =>
      bearer.submit(new Timeout({ milliseconds: 60_000 }), { signal: abort.signal }),
    );
    expect(inUse(bearer)).toBe(300);
    await sleep(5);
    abort.abort();
    expect(inUse(bearer)).toBeLessThanOrEqual(300);
    for (const { status } of await Promise.allSettled(promises)) expect(status).toBe('rejected');
    await settled(bearer);
    expect(bearer.stats().capacity.PendingCompletions.peak).toBe(300);
  });

  test('aborts an operation behind a drain, and one that others drain', async () => {
    const bearer = make(driver);
    const abort = new AbortController();
    const { signal } = abort;
    const first = bearer.submit(new Timeout({ milliseconds: 60_000 }), { signal });
    const drained = bearer.submit(new Nop(), { flags: SubmissionFlags.DRAIN });
    await sleep(5);
    abort.abort();
    await expect(first).rejects.toMatchObject({ name: 'AbortError' });
    expect(await drained).toBe(0);
  });

  test('aborts within a chain without becoming a part of it', async () => {
    const bearer = make(driver);
    const other = new AbortController();
    const pending = bearer.submit(new Timeout({ milliseconds: 60_000 }), { signal: other.signal });
    const first = bearer.submit(new Nop({ result: -5 }), { flags: SubmissionFlags.LINK });
    other.abort();
    const second = bearer.submit(new Nop());
    const codes = await Promise.all(
      [pending, first, second].map((promise) =>
        promise.then(String, (error) => error.code ?? error.name),
      ),
    );
    expect(codes).toEqual([20, 'EIO', 'ECANCELED']);
  });

  test('refuses a multishot operation, and tells what to use', async () => {
    const bearer = make(driver);
    await expect(bearer.submit(new Timeout({ milliseconds: 1, repeat: 2 }))).rejects.toThrow(
      'use stream()',
    );
  });

  test('a receive that is aborted gives its memory back', async () => {
    const bearer = make(driver);
    const [ours] = await fixture.pair(SocketType.STREAM);
    const lease = bearer.allocate(64);
    const abort = new AbortController();
    const received = bearer.submit(new Recv({ socket: ours, memory: lease }), {
      signal: abort.signal,
    });
    expect(lease.owner.name).toBe('Kernel');
    expect(() => lease.fill(encode('x'))).toThrow(
      expect.objectContaining({ code: 'OWNER_KERNEL' }),
    );
    expect(() => lease.toBytes()).toThrow(expect.objectContaining({ code: 'OWNER_KERNEL' }));
    expect(() => lease.release()).toThrow(expect.objectContaining({ code: 'OWNER_KERNEL' }));
    await sleep(2);
    abort.abort();
    await expect(received).rejects.toMatchObject({ name: 'AbortError' });
    expect(lease.owner.name).toBe('Returned');
    lease.release();
    expect(() => lease.toBytes()).toThrow(expect.objectContaining({ code: 'BUFFER_RELEASED' }));
  });

  test('a read on a pipe completes, and is cancelled while nothing comes', async () => {
    const bearer = make(driver);
    const { fd } = fifo(`pipe-${driver}`);
    const descriptor = new RawFd(fd);
    const lease = bearer.allocate(64);
    const read = bearer.submit(new Read({ descriptor, memory: lease }));
    writeSync(fd, 'through');
    expect((await read).length).toBe(7);
    expect(lease.toString('utf8', 0, 7)).toBe('through');
    lease.reuse();
    const again = new Read({ descriptor, memory: lease });
    const waiting = bearer.submit(again);
    await sleep(2);
    bearer.cancel(again);
    await expect(waiting).rejects.toBeInstanceOf(OpCodeError);
    closeSync(fd);
  });

  test("SendZc completes twice, and its memory is the kernel's until the notification", async () => {
    const bearer = make(driver);
    const { ours, theirs } = await fixture.tcp();
    const lease = bearer.allocate(32_768);
    lease.fill(new Uint8Array(32_768).fill(9));
    const send = new SendZc({ socket: ours, data: lease });
    const seen: string[] = [];
    await new Promise<void>((resolve) => {
      send.handler = (cqe) => {
        seen.push(`${cqe.notification ? 'notification' : 'result'} ${lease.owner.name}`);
        if (!cqe.more) resolve();
      };
      bearer.push(send);
      theirs.resume();
    });
    expect(seen).toEqual(['result Kernel', 'notification Returned']);
    lease.reuse();
    expect(await bearer.submit(send)).toMatchObject({ length: 32_768, released: true });
    lease.release();
    theirs.destroy();
  });

  test('SendZc on a Unix socket fails, and gives the memory back', async () => {
    const bearer = make(driver);
    const [, socket] = await fixture.pair(SocketType.STREAM);
    const lease = bearer.allocate(64);
    lease.fill(encode('hello'));
    await expect(bearer.submit(new SendZc({ socket, data: lease }))).rejects.toMatchObject({
      code: 'EOPNOTSUPP',
    });
    expect(lease.owner.name).toBe('Returned');
    await settled(bearer);
  });

  test('SendZc to a peer that has gone fails once', async () => {
    const bearer = make(driver);
    const { ours, theirs } = await fixture.tcp();
    theirs.resetAndDestroy();
    await sleep(10);
    const lease = bearer.allocate(4096);
    lease.fill(encode('x'));
    await expect(bearer.submit(new SendZc({ socket: ours, data: lease }))).rejects.toBeInstanceOf(
      OpCodeError,
    );
    expect(lease.owner.name).toBe('Returned');
    await settled(bearer);
  });
});

describe.each(['embedded', 'owner'] as const)('driver %s: cancel()', (driver) => {
  test('takes a key or an operation, in either order of completion', async () => {
    const bearer = make(driver);
    for (const by of ['key', 'operation']) {
      const timeout = new Timeout({ milliseconds: 60_000 });
      const ended = new Promise<number>((resolve) => {
        timeout.handler = (cqe) => resolve(cqe.res);
      });
      const key = bearer.push(timeout);
      bearer.cancel(by === 'key' ? key : timeout);
      expect(await ended).toBe(-125);
      bearer.cancel(key);
      bearer.cancel(timeout);
    }
    await settled(bearer);
  });

  test('a key long gone names nobody, and no key of a later operation', async () => {
    const bearer = make(driver, { PendingCompletions: 1 });
    const key = bearer.push(new Nop());
    await settled(bearer);
    const later = bearer.submit(new Timeout({ milliseconds: 20 }));
    bearer.cancel(key);
    expect(await later).toBe('elapsed');
    expect(() => bearer.cancel(-1)).toThrow(RangeError);
    expect(() => bearer.cancel(0.5)).toThrow(RangeError);
    await bearer.close();
    bearer.cancel(key);
  });

  test('an operation of another bearer is left alone', async () => {
    const bearer = make(driver);
    const other = make('embedded');
    const [theirs, ours] = [new Timeout({ milliseconds: 20 }), new Timeout({ milliseconds: 20 })];
    const ended = Promise.all([other.submit(theirs), bearer.submit(ours)]);
    expect([theirs.slot, theirs.generation]).toEqual([ours.slot, ours.generation]);
    bearer.cancel(theirs);
    expect(await ended).toEqual(['elapsed', 'elapsed']);
  });

  test('an AsyncCancel of the caller counts what it found', async () => {
    const bearer = make(driver);
    const timeouts = Array.from({ length: 3 }, () =>
      bearer.submit(new Timeout({ milliseconds: 60_000 })),
    );
    const ended = Promise.allSettled(timeouts);
    expect(await bearer.submit(new AsyncCancel({ any: true, all: true }))).toBeGreaterThanOrEqual(
      3,
    );
    for (const { status } of await ended) expect(status).toBe('rejected');
  });

  test('a send and its receive, cancelled while both may win', async () => {
    const bearer = make(driver);
    const [ours, theirs] = await fixture.pair(SocketType.STREAM);
    const lease = bearer.allocate(16);
    for (let i = 0; i < 50; i++) {
      const abort = new AbortController();
      const received = bearer.submit(new Recv({ socket: ours, memory: lease }), {
        signal: abort.signal,
      });
      const sent = bearer.submit(new Send({ socket: theirs, data: encode('x') }));
      if (i % 2 === 0) await Promise.resolve();
      abort.abort();
      const outcome = await received.then(
        (result) => result.length,
        () => 0,
      );
      await sent;
      if (lease.owner.name === 'Returned') lease.reuse();
      // What the aborted receive left in the socket.
      if (outcome === 0) {
        expect((await bearer.submit(new Recv({ socket: ours, memory: lease }))).length).toBe(1);
        lease.reuse();
      }
    }
    await settled(bearer);
  });
});
