// close(): with everything in flight, on every driver.

import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { RawFd } from '@ringbearer/io-uring-fd';
import {
  Accept,
  AcceptMulti,
  epollMask,
  FutexWait,
  Nop,
  type OpCode,
  PollAdd,
  Read,
  Recv,
  RecvMulti,
  Send,
  SocketType,
  SubmissionFlags,
  Timeout,
} from '@ringbearer/io-uring-opcode';
import { describe, expect, test } from 'vitest';
import { bearerMaker, inUse } from '../test-support/bearers.js';
import { driven } from '../test-support/chains.js';
import { encode, KernelFixture, openDescriptors, sleep } from '../test-support/kernel-fixture.js';
import type { UringBearer } from './index.js';

const fixture = new KernelFixture();
const make = bearerMaker();
let pipes = 0;

async function everyKind(
  bearer: UringBearer,
): Promise<{ operations: OpCode<unknown>[]; done: () => void }> {
  const path = join(fixture.folder, `pipe-${pipes++}`);
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, 'r+');
  const [ours] = await fixture.pair(SocketType.STREAM);
  const [datagrams] = await fixture.pair(SocketType.DGRAM);
  const listener = bearer.listen({});
  const ring = bearer.buffers.ring({ count: 4, bufferBytes: 64 });
  const operations = [
    new Accept({ listener: listener.descriptor }),
    new AcceptMulti({ listener: listener.descriptor }),
    new Recv({ socket: ours, memory: bearer.allocate(64) }),
    new RecvMulti({ socket: datagrams, group: ring.group }),
    new PollAdd({ descriptor: ours, events: epollMask('IN') }),
    new PollAdd({ descriptor: datagrams, events: epollMask('IN'), multishot: true }),
    new Timeout({ milliseconds: 60_000 }),
    new Timeout({ milliseconds: 60_000, repeat: Number.POSITIVE_INFINITY }),
    new FutexWait({ word: bearer.buffers.futex(), expected: 0 }),
    new Read({ descriptor: new RawFd(fd), memory: bearer.allocate(64) }),
  ];
  return { operations, done: () => closeSync(fd) };
}

describe.each(['embedded', 'owner', 'manual'] as const)('driver %s: close()', (driver) => {
  test.each(['queued', 'submitted', 'armed for a while'])(
    'waits for operations of every kind that are %s',
    async (when) => {
      const bearer = make(driver, { CoreQueue: 64 });
      const { operations, done } = await everyKind(bearer);
      const results: number[] = [];
      for (const operation of operations) {
        operation.handler = (cqe) => results.push(cqe.res);
        bearer.push(operation);
      }
      if (when !== 'queued') bearer.flush();
      if (when === 'armed for a while') await sleep(10);
      await bearer.close();
      expect(results).toEqual(operations.map(() => -125));
      for (const operation of operations) expect(operation.inFlight).toBe(false);
      expect(inUse(bearer)).toBe(0);
      done();
    },
  );

  test('with a queue of two entries, and more in flight than it holds', async () => {
    const bearer = make(driver, { CoreQueue: 2, CompletionQueue: 2, PendingCompletions: 100 });
    const ended = Promise.allSettled(
      Array.from({ length: 100 }, () => bearer.submit(new Timeout({ milliseconds: 60_000 }))),
    );
    await bearer.close();
    for (const { status } of await ended) expect(status).toBe('rejected');
  });

  test('with drains and chains in flight', async () => {
    const bearer = make(driver);
    const [ours] = await fixture.pair(SocketType.STREAM);
    const timeout = () => new Timeout({ milliseconds: 60_000 });
    const ended = Promise.allSettled([
      bearer.submit(timeout()),
      bearer.submit(new Recv({ socket: ours, memory: bearer.allocate(8) }), {
        flags: SubmissionFlags.DRAIN,
      }),
      bearer.submit(timeout()),
      bearer.submit(timeout(), { flags: SubmissionFlags.LINK }),
      bearer.submit(timeout()),
      bearer.submit(timeout(), { flags: SubmissionFlags.HARD_LINK }),
      bearer.submit(timeout()),
    ]);
    bearer.flush();
    await bearer.close();
    for (const { status } of await ended) expect(status).toBe('rejected');
    expect(inUse(bearer)).toBe(0);
  });

  test('twice gives the same Promise', async () => {
    const bearer = make(driver);
    bearer.push(new Nop());
    const closing = bearer.close();
    expect(bearer.close()).toBe(closing);
    await closing;
    await bearer.close();
    expect(bearer[Symbol.asyncDispose]()).toBe(closing);
  });

  test('inside of a handler, with more completions behind it', async () => {
    const bearer = make(driver);
    let seen = 0;
    const closing = new Promise<void>((resolve, reject) => {
      for (let i = 0; i < 10; i++) {
        const nop = new Nop();
        nop.handler = () => {
          if (seen++ === 3) bearer.close().then(resolve, reject);
        };
        bearer.push(nop);
      }
    });
    bearer.push(new Timeout({ milliseconds: 60_000 }));
    if (driver === 'manual') {
      bearer.submitAndWait(10);
      bearer.handleCompletions();
    }
    await closing;
    expect(seen).toBe(10);
  });

  test('leaves memory readable, and leases of rings revoked', async () => {
    const bearer = make(driver);
    const lease = bearer.allocate(64);
    const ring = bearer.buffers.ring({ count: 2, bufferBytes: 64 });
    const word = bearer.buffers.futex();
    lease.fill(Buffer.from('kept'));
    await bearer.close();
    expect(lease.toString('utf8', 0, 4)).toBe('kept');
    lease.release();
    expect(word.load()).toBe(0);
    expect(() => ring.lease(0, 1)).toThrow();
    expect(() => bearer.buffers.ring({ count: 2, bufferBytes: 64 })).toThrow('closed');
    expect(() => bearer.allocate(64)).toThrow('closed');
    expect(() => bearer.buffers.futex()).not.toThrow();
  });
});

test('fifty bearers close in any order', async () => {
  const before = openDescriptors();
  const bearers = Array.from({ length: 50 }, (_, i) =>
    make(i === 7 ? 'owner' : i % 5 === 0 ? 'manual' : 'embedded', { CoreQueue: 4 }),
  );
  expect(bearers.filter(({ driver }) => driver === 'owner').length).toBe(1);
  const pending = bearers.map((bearer) =>
    bearer.submit(new Timeout({ milliseconds: 60_000 })).catch((error) => error.code),
  );
  await Promise.all(
    bearers
      .filter(({ driver }) => driver !== 'manual')
      .map((bearer) => bearer.submit(new Timeout({ milliseconds: 1 }))),
  );
  const order = bearers
    .map((bearer, index) => ({ bearer, key: (index * 37) % 50 }))
    .sort((a, b) => a.key - b.key);
  for (const { bearer } of order) {
    if (Math.trunc(order.findIndex((each) => each.bearer === bearer) % 3) === 0)
      await bearer.close();
    else void bearer.close();
  }
  await Promise.all(bearers.map((bearer) => bearer.close()));
  expect(await Promise.all(pending)).toEqual(Array(50).fill('ECANCELED'));
  expect(openDescriptors()).toBeLessThanOrEqual(before);
});

test.each(['embedded', 'owner', 'manual'] as const)(
  'driver %s: what comes late to a closed bearer hears that it is closed, and may clean up',
  async (driver) => {
    const bearer = make(driver, { RegisteredFd: 4 }, { manualFiles: 2 });
    const [ours, theirs] = await fixture.pair(SocketType.STREAM);
    const ring = bearer.buffers.ring({ count: 2, bufferBytes: 64 });
    const slot = bearer.files!.reserve();
    const receive = new Recv({ socket: ours, group: ring.group });
    await fixture.run(new Send({ socket: theirs, data: encode('late') }));
    const result = await driven(bearer, bearer.submit(receive));
    await bearer.close();
    const closed = expect.objectContaining({ code: 'BEARER_CLOSED' });
    expect(() => bearer.buffers.lease(receive, result)).toThrow(closed);
    expect(() => bearer.buffers.leaseRun(receive, result)).toThrow(closed);
    bearer.files!.release(slot);
    ring.unregister();
    expect(bearer.files!.used).toBe(0);
  },
);
