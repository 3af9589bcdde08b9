// stream(): multishot operations as async iterators.

import { readdirSync } from 'node:fs';
import { connect, type Socket as NodeSocket } from 'node:net';
import { RawFd } from '@ringbearer/io-uring-fd';
import {
  AcceptMulti,
  Close,
  epollMask,
  Nop,
  PollAdd,
  ProvideBuffers,
  Recv,
  RecvMulti,
  Send,
  Shutdown,
  ShutdownHow,
  SocketType,
  Timeout,
} from '@ringbearer/io-uring-opcode';
import { describe, expect, test, vi } from 'vitest';
import { bearerMaker, inUse, settled } from '../test-support/bearers.js';
import { encode, KernelFixture, openDescriptors, sleep } from '../test-support/kernel-fixture.js';
import type { UringBearer } from './index.js';

const fixture = new KernelFixture();
const make = bearerMaker();

/** Client sockets connected to a listener of ours. */
async function clients(port: number, count: number): Promise<NodeSocket[]> {
  return Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<NodeSocket>((resolve) => {
          const socket = connect(port, '127.0.0.1', () => resolve(socket));
          socket.on('error', () => {});
        }),
    ),
  );
}

describe.each(['embedded', 'owner'] as const)('driver %s: stream()', (driver) => {
  const send = (bearer: UringBearer, socket: RawFd, text: string) =>
    bearer.submit(new Send({ socket, data: encode(text) }));

  test('of a Timeout ends by itself after its repeats', async () => {
    const ticks: string[] = [];
    for await (const tick of make(driver).stream(new Timeout({ milliseconds: 1, repeat: 4 })))
      ticks.push(tick);
    expect(ticks).toEqual(Array(4).fill('elapsed'));
  });

  test('of a PollAdd tells of each readiness', async () => {
    const bearer = make(driver);
    const [ours, theirs] = await fixture.pair(SocketType.DGRAM);
    const stream = bearer.stream(
      new PollAdd({ descriptor: ours, events: epollMask('IN'), multishot: true }),
    );
    const lease = bearer.allocate(16);
    for (let i = 0; i < 5; i++) {
      await send(bearer, theirs as RawFd, 'x');
      expect(((await stream.next()).value as number) & epollMask('IN')).not.toBe(0);
      await bearer.submit(new Recv({ socket: ours, memory: lease }));
      lease.reuse();
    }
    expect(await stream.return?.()).toEqual({ done: true, value: undefined });
    await settled(bearer);
  });

  test('of a RecvMulti yields leasable results, and just ends at the end of the stream', async () => {
    const bearer = make(driver);
    const [ours, theirs] = await fixture.pair(SocketType.STREAM);
    const ring = bearer.buffers.ring({ count: 4, bufferBytes: 8 });
    const receive = new RecvMulti({ socket: ours, group: ring.group });
    const sending = (async () => {
      for (let i = 0; i < 50; i++) await send(bearer, theirs as RawFd, `message ${i};`);
      await bearer.submit(new Shutdown({ socket: theirs, how: ShutdownHow.RDWR }));
    })();
    let text = '';
    for await (const received of bearer.stream(receive)) {
      const lease = bearer.buffers.lease(receive, received);
      expect(lease.length).toBeGreaterThan(0);
      text += lease.toString();
      lease.release();
    }
    await sending;
    expect(text).toBe(Array.from({ length: 50 }, (_, i) => `message ${i};`).join(''));
    expect([ring.available, ring.outstanding]).toEqual([4, 0]);
    expect(() => bearer.buffers.lease(receive, { length: 0, bufferId: -1 })).toThrow(
      expect.objectContaining({ code: 'NO_BUFFER' }),
    );
    expect(() => bearer.buffers.lease(new Nop(), { length: 1, bufferId: 0 })).toThrow(
      expect.objectContaining({ code: 'NO_BUFFER' }),
    );
  });

  test.each(['release', 'recycle'])(
    'waits without spinning while the ring is out of buffers, until %s',
    async (how) => {
      const bearer = make(driver);
      const [ours, theirs] = await fixture.pair(SocketType.STREAM);
      const ring = bearer.buffers.ring({ count: 2, bufferBytes: 16 });
      const receive = new RecvMulti({ socket: ours, group: ring.group });
      const stream = bearer.stream(receive);
      for (let i = 0; i < 4; i++) {
        await send(bearer, theirs as RawFd, `${i}`.padEnd(16));
      }
      const first = [(await stream.next()).value, (await stream.next()).value];
      await sleep(30);
      const before = bearer.stats();
      expect(before.noBuffers).toBeGreaterThan(0);
      await sleep(100);
      const after = bearer.stats();
      expect(after.submitted - before.submitted).toBeLessThan(10);
      expect(after.noBuffers).toBe(before.noBuffers);
      for (const received of first) {
        if (how === 'release') bearer.buffers.lease(receive, received).release();
        else ring.recycle(received.bufferId);
      }
      ring.publish();
      for (let i = 2; i < 4; i++) {
        const { value } = await stream.next();
        const lease = bearer.buffers.lease(receive, value);
        expect(lease.toString().trim()).toBe(`${i}`);
        lease.release();
      }
      await stream.return?.();
      expect(ring.available).toBe(2);
    },
  );

  test('does not spin while a slow consumer has not looked at what it was given', async () => {
    const bearer = make(driver);
    const [ours, theirs] = await fixture.pair(SocketType.STREAM);
    const ring = bearer.buffers.ring({ count: 2, bufferBytes: 16 });
    const stream = bearer.stream(new RecvMulti({ socket: ours, group: ring.group }));
    for (let i = 0; i < 4; i++) await send(bearer, theirs as RawFd, `${i}`.padEnd(16));
    await sleep(20);
    const before = bearer.stats().submitted;
    await sleep(100);
    expect(bearer.stats().submitted - before).toBeLessThan(10);
    await stream.return?.();
    // What nobody took is back.
    expect([ring.available, ring.outstanding]).toEqual([2, 0]);
  });

  test('tries a classic group again now and then', async () => {
    const bearer = make(driver);
    const [ours, theirs] = await fixture.pair(SocketType.STREAM);
    const group = bearer.buffers.classicGroup({ count: 2, bufferBytes: 16 });
    const stream = bearer.stream(new RecvMulti({ socket: ours, group: group.group }));
    await send(bearer, theirs as RawFd, 'late');
    await sleep(100);
    expect(bearer.stats().noBuffers).toBeGreaterThan(1);
    expect(bearer.stats().noBuffers).toBeLessThan(30);
    await bearer.submit(new ProvideBuffers(group.provision()!));
    const { value } = await stream.next();
    expect(group.lease(value.bufferId, value.length).toString()).toBe('late');
    await stream.return?.();
  });

  test('of an AcceptMulti: leaving the loop closes what nobody took, and the next stream accepts', async () => {
    const bearer = make(driver);
    const listener = bearer.listen({});
    const { port } = listener.address as { port: number };
    const before = openDescriptors();
    for (let round = 0; round < 3; round++) {
      const stream = bearer.stream(new AcceptMulti({ listener: listener.descriptor }));
      const sockets = await clients(port, 40);
      const { value } = await stream.next();
      await bearer.submit(new Close({ descriptor: value }));
      await stream.return?.();
      await settled(bearer);
      for (const socket of sockets) socket.destroy();
    }
    for (let i = 0; i < 100 && openDescriptors() > before; i++) await sleep(5);
    expect(openDescriptors()).toBeLessThanOrEqual(before);
    await listener.close();
  });

  test('return() waits for the kernel, and a second one too', async () => {
    const bearer = make(driver);
    const timeout = new Timeout({ milliseconds: 60_000, repeat: Number.POSITIVE_INFINITY });
    const stream = bearer.stream(timeout);
    const next = stream.next();
    await Promise.all([stream.return?.(), stream.return?.()]);
    expect(timeout.inFlight).toBe(false);
    expect(await next).toEqual({ done: true, value: undefined });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(inUse(bearer)).toBe(0);
  });

  test('an abort rejects the waiting next() with the reason, and frees what was queued', async () => {
    const bearer = make(driver);
    const abort = new AbortController();
    const stream = bearer.stream(new Timeout({ milliseconds: 60_000, repeat: 9 }), {
      signal: abort.signal,
    });
    const next = stream.next();
    const reason = new Error('enough');
    abort.abort(reason);
    await expect(next).rejects.toBe(reason);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(() =>
      bearer.stream(new Timeout({ milliseconds: 1, repeat: 1 }), { signal: abort.signal }),
    ).toThrow(reason);
    await settled(bearer);
  });

  test('an abort frees results that wait in the queue', async () => {
    const bearer = make(driver);
    const [ours, theirs] = await fixture.pair(SocketType.STREAM);
    const ring = bearer.buffers.ring({ count: 4, bufferBytes: 16 });
    const abort = new AbortController();
    const stream = bearer.stream(new RecvMulti({ socket: ours, group: ring.group }), {
      signal: abort.signal,
    });
    for (let i = 0; i < 3; i++) await send(bearer, theirs as RawFd, 'x'.repeat(16));
    await sleep(5);
    abort.abort();
    await expect(stream.next()).rejects.toMatchObject({ name: 'AbortError' });
    await settled(bearer);
    expect(ring.outstanding).toBe(0);
  });

  test('pauses at highWater, and resumes once the consumer caught up', async () => {
    const bearer = make(driver);
    const timeout = new Timeout({ milliseconds: 1, repeat: Number.POSITIVE_INFINITY });
    const stream = bearer.stream(timeout, { highWater: 3 });
    for (let i = 0; i < 200 && timeout.inFlight; i++) await sleep(2);
    expect(timeout.inFlight).toBe(false);
    await sleep(20);
    expect(timeout.inFlight).toBe(false);
    for (let i = 0; i < 20; i++) expect((await stream.next()).value).toBe('elapsed');
    await stream.return?.();
    expect(() => bearer.stream(timeout, { highWater: 0 })).toThrow(RangeError);
  });

  test('return() of a paused stream ends it', async () => {
    const bearer = make(driver);
    const timeout = new Timeout({ milliseconds: 1, repeat: Number.POSITIVE_INFINITY });
    const stream = bearer.stream(timeout, { highWater: 1 });
    for (let i = 0; i < 200 && timeout.inFlight; i++) await sleep(2);
    expect(timeout.inFlight).toBe(false);
    await stream.return?.();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  test('an error ends the iteration, after the results before it', async () => {
    const bearer = make(driver);
    const stream = bearer.stream(
      new PollAdd({ descriptor: new RawFd(1_000_000), events: 1, multishot: true }),
    );
    await expect(stream.next()).rejects.toMatchObject({ code: 'EBADF' });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    await settled(bearer);
  });

  test('what is wrong with the operation is thrown at once', () => {
    const bearer = make(driver, { PendingCompletions: 1 });
    const timeout = new Timeout({ milliseconds: 60_000, repeat: 2 });
    bearer.push(timeout);
    expect(() => bearer.stream(timeout)).toThrow(expect.objectContaining({ code: 'AT_CAPACITY' }));
  });

  test('waits for room where the bearer is full when it is to be submitted again', async () => {
    const bearer = make(driver, { PendingCompletions: 2 });
    const timeout = new Timeout({ milliseconds: 1, repeat: Number.POSITIVE_INFINITY });
    const stream = bearer.stream(timeout, { highWater: 1 });
    for (let i = 0; i < 200 && timeout.inFlight; i++) await sleep(2);
    const others = [1, 2].map(() => new Timeout({ milliseconds: 60_000 }));
    for (const other of others) bearer.push(other);
    // What is queued comes first; then there is nothing, and no error.
    let results = 0;
    const consuming = (async () => {
      for await (const _ of stream) if (++results === 100) break;
    })();
    await sleep(100);
    expect(timeout.inFlight).toBe(false);
    expect(results).toBeLessThan(100);
    bearer.cancel(others[0]!);
    await consuming;
    expect(results).toBe(100);
  });

  test('return() and close() end a stream that waits for room', async () => {
    for (const how of ['return', 'close']) {
      const bearer = make(driver, { PendingCompletions: 1 });
      const timeout = new Timeout({ milliseconds: 1, repeat: Number.POSITIVE_INFINITY });
      const stream = bearer.stream(timeout, { highWater: 1 });
      for (let i = 0; i < 200 && timeout.inFlight; i++) await sleep(2);
      bearer.push(new Timeout({ milliseconds: 60_000 }));
      const consuming = (async () => {
        for await (const _ of stream);
      })();
      const ended = Promise.allSettled([consuming]);
      await sleep(10);
      if (how === 'return') await stream.return?.();
      else await bearer.close();
      expect(await ended).toMatchObject([
        how === 'return' ? { status: 'fulfilled' } : { reason: { code: 'BEARER_CLOSED' } },
      ]);
    }
  });

  test('return() ends it even where discard() throws, which is reported', async () => {
    const bearer = make(driver);
    const [ours, theirs] = await fixture.pair(SocketType.STREAM);
    const ring = bearer.buffers.ring({ count: 4, bufferBytes: 16 });
    const receive = new RecvMulti({ socket: ours, group: ring.group });
    const no = () => {
      throw new Error('no discard');
    };
    receive.discard = no;
    receive.discardResult = no;
    const reported = vi.fn();
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException').on('uncaughtException', reported);
    try {
      const stream = bearer.stream(receive);
      for (let i = 0; i < 2; i++) await send(bearer, theirs as RawFd, 'z'.repeat(16));
      await sleep(5);
      expect(await stream.return?.()).toEqual({ done: true, value: undefined });
      await settled(bearer);
      await sleep(5);
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
    expect(ring.outstanding).toBe(0);
    expect(reported.mock.calls.map(([error]) => error.message)).toContain('no discard');
  });

  test('close() ends iterations with BEARER_CLOSED: armed, waiting for buffers, and paused', async () => {
    const bearer = make(driver);
    const [ours, theirs] = await fixture.pair(SocketType.STREAM);
    const ring = bearer.buffers.ring({ count: 1, bufferBytes: 16 });
    const armed = bearer.stream(new Timeout({ milliseconds: 60_000, repeat: 2 }));
    const starved = bearer.stream(new RecvMulti({ socket: ours, group: ring.group }));
    const ticking = new Timeout({ milliseconds: 1, repeat: Number.POSITIVE_INFINITY });
    const paused = bearer.stream(ticking, { highWater: 1 });
    for (let i = 0; i < 3; i++) await send(bearer, theirs as RawFd, 'y'.repeat(16));
    await starved.next();
    for (let i = 0; i < 200 && ticking.inFlight; i++) await sleep(2);
    const waiting = [armed.next(), starved.next()];
    const ended = Promise.allSettled(waiting);
    await bearer.close();
    for (const outcome of await ended) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'BEARER_CLOSED' } });
    }
    await expect(paused.next()).rejects.toMatchObject({ code: 'BEARER_CLOSED' });
    for (const stream of [armed, starved, paused]) {
      expect(await stream.next()).toEqual({ done: true, value: undefined });
      await stream.return?.();
    }
  });

  test('many connections share one ring of few buffers, and every byte arrives', async () => {
    const bearer = make(driver, { CoreQueue: 64 });
    const listener = bearer.listen({});
    const { port } = listener.address as { port: number };
    const ring = bearer.buffers.ring({ count: 8, bufferBytes: 1024 });
    const size = 200_000;
    const accepted = bearer.stream(new AcceptMulti({ listener: listener.descriptor }));
    const sockets = await clients(port, 8);
    for (const [index, socket] of sockets.entries()) socket.end(Buffer.alloc(size, index + 1));
    const totals = await Promise.all(
      sockets.map(async () => {
        const { value: socket } = await accepted.next();
        const receive = new RecvMulti({ socket, group: ring.group });
        let total = 0;
        for await (const received of bearer.stream(receive)) {
          const lease = bearer.buffers.lease(receive, received);
          total += lease.length;
          lease.release();
        }
        await bearer.submit(new Close({ descriptor: socket }));
        return total;
      }),
    );
    expect(totals).toEqual(Array(8).fill(size));
    expect(ring.available).toBe(8);
    await accepted.return?.();
    await listener.close();
  });
});

test('the descriptors of this file were closed', () => {
  expect(readdirSync('/proc/self/fd').length).toBeLessThan(100);
});
