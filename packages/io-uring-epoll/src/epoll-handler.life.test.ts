// Late events, descriptors that were closed too early, waits that end, and handlers that close.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { RawFd } from '@ringbearer/io-uring-fd';
import { FilesUpdate, Nop } from '@ringbearer/io-uring-opcode';
import { describe, expect, test } from 'vitest';
import {
  codeOf,
  demandWait,
  EpollFixture,
  openDescriptors,
  sleep,
} from '../test-support/kernel.js';
import { EpollEvents, EpollHandler } from './index.js';

const fixture = new EpollFixture();
const IN = EpollEvents.of('IN');
const values = (ready: readonly { readonly registration: { readonly value: unknown } }[]) =>
  ready.map(({ registration }) => registration.value);
const WAYS = ['ring', 'syscall'] as const;

describe.each(WAYS)('waiting by %s: an event is never another registration’s', (waitBy) => {
  test('deleted while those in front are handled, its number taken again', async (context) => {
    const bearer = fixture.bearer();
    demandWait(context, bearer, waitBy);
    const epoll = fixture.handler<string>(bearer, { waitBy });
    const [first, second] = [await fixture.sockets(bearer), await fixture.sockets(bearer)];
    const one = await epoll.add(first.reader, IN, 'first');
    const two = await epoll.add(second.reader, IN, 'second');
    first.write();
    second.write();
    const seen: string[] = [];
    for await (const { registration } of epoll) {
      seen.push(registration.value);
      if (seen.length > 1) break;
      // The other one is in the same batch of events.
      const other =
        registration === one ? { channel: second, end: two } : { channel: first, end: one };
      await epoll.delete(other.end);
      const { number } = other.channel.reader;
      other.channel.close();
      const taken = await fixture.sockets(bearer);
      expect(taken.reader.number).toBe(number);
      const fresh = await epoll.add(taken.reader, IN, 'fresh');
      expect(fresh.id).not.toBe(other.end.id);
      taken.write();
    }
    expect(epoll.stats().stale).toBe(1);
    // The fresh one, or again the one in front, which is level-triggered: never the one that was deleted.
    expect(['fresh', seen[0]]).toContain(seen[1]);
  });

  test('no event arrives from delete() on, whatever was under way', async (context) => {
    const bearer = fixture.bearer();
    demandWait(context, bearer, waitBy);
    const epoll = fixture.handler<number>(bearer, { waitBy });
    const sockets = await fixture.sockets(bearer);
    for (let round = 0; round < 50; round++) {
      const registration = await epoll.add(sockets.reader, IN.with('ET'), round);
      const waited = epoll.wait({ timeoutMs: 1 });
      bearer.flush();
      sockets.write();
      const deleted = epoll.delete(registration);
      bearer.flush();
      expect(values(await waited)).toEqual([]);
      await deleted;
      sockets.read();
    }
    expect(epoll.stats().registrations.used).toBe(0);
  });

  test('closed without delete(), the number taken again: the old one cannot harm the new one', async (context) => {
    const bearer = fixture.bearer();
    demandWait(context, bearer, waitBy);
    const epoll = fixture.handler<string>(bearer, { waitBy });
    const old = await fixture.sockets(bearer);
    const before = await epoll.add(old.reader, IN, 'old');
    const { number } = old.reader;
    old.closeReader();
    const taken = await fixture.sockets(bearer);
    expect(taken.reader.number).toBe(number);
    // Both at once: the addition goes first, and the deletion finds that it is over.
    const adding = epoll.add(taken.reader, IN, 'new');
    const deleting = epoll.delete(before);
    expect((await adding).active).toBe(true);
    await deleting;
    expect(before.active).toBe(false);
    expect(await codeOf(epoll.modify(before))).toBe('REGISTRATION_ENDED');
    taken.write();
    expect(values(await epoll.wait())).toEqual(['new']);
    expect(epoll.stats().registrations).toMatchObject({ used: 1 });
  });

  test('closed without delete(): told once, and gone', async (context) => {
    const bearer = fixture.bearer();
    demandWait(context, bearer, waitBy);
    const epoll = fixture.handler<string>(bearer, { waitBy });
    const sockets = await fixture.sockets(bearer);
    const registration = await epoll.add(sockets.reader, IN, 'x');
    sockets.closeReader();
    await expect(epoll.delete(registration)).rejects.toThrow(/EBADF.*delete the interest first/);
    expect([registration.active, epoll.stats().registrations.used]).toEqual([false, 0]);
    await epoll.delete(registration);
    const other = await fixture.sockets(bearer);
    const second = await epoll.add(other.reader, IN, 'y');
    other.closeReader();
    const taker = await fixture.sockets(bearer); // has the number, but is not added
    expect(taker.reader.number).toBe(other.reader.number);
    await expect(epoll.delete(second)).rejects.toThrow(/ENOENT/);
    expect(epoll.stats().registrations.used).toBe(0);
  });

  test('closed without delete() while a duplicate stays open: an error in place of a busy loop', async (context) => {
    const bearer = fixture.bearer('embedded', { RegisteredFd: 4 });
    demandWait(context, bearer, waitBy);
    const epoll = fixture.handler<string>(bearer, { waitBy });
    const orphan = await fixture.sockets(bearer);
    const good = await fixture.sockets(bearer);
    const registration = await epoll.add(orphan.reader, IN, 'orphan');
    await epoll.add(good.reader, IN.with('ET'), 'good');
    // A direct descriptor is a duplicate: the file stays open.
    await bearer.submit(new FilesUpdate({ first: 0, descriptors: [orphan.reader] }));
    orphan.closeReader();
    orphan.write();
    expect(await codeOf(epoll.delete(registration))).toBe('EBADF');
    expect(await codeOf(epoll.wait())).toBe('ORPHANED_INTEREST');
    await expect(epoll.wait()).rejects.toThrow(/Close the duplicate, or make a new handler/);
    // What is for somebody is not held up by it.
    good.write();
    expect(values(await epoll.wait())).toEqual(['good']);
    // And with the duplicate goes the orphan.
    await bearer.submit(new FilesUpdate({ first: 0, descriptors: [null] }));
    good.write();
    expect(values(await epoll.wait())).toEqual(['good']);
    expect(values(await epoll.wait({ timeoutMs: 5 }))).toEqual([]);
  });
});

describe.each(WAYS)('wait() by %s', (waitBy) => {
  test('ends by time, by its signal, and leaves nothing in flight', async (context) => {
    const bearer = fixture.bearer();
    demandWait(context, bearer, waitBy);
    const epoll = fixture.handler<string>(bearer, { waitBy });
    const sockets = await fixture.sockets(bearer);
    await epoll.add(sockets.reader, IN, 'x');
    expect(await epoll.wait({ timeoutMs: 3 })).toEqual([]);
    const reason = new Error('enough');
    const controller = new AbortController();
    const aborted = epoll.wait(controller).catch((error) => error);
    bearer.flush();
    controller.abort(reason);
    expect(await aborted).toBe(reason);
    expect(await epoll.wait(controller).catch((error) => error)).toBe(reason);
    expect(bearer.stats().capacity.PendingCompletions.used).toBe(0);
    for (const timeoutMs of [-1, Number.NaN, 'x']) {
      await expect(epoll.wait({ timeoutMs: timeoutMs as never })).rejects.toThrow(RangeError);
    }
    sockets.write();
    expect(values(await epoll.wait({ timeoutMs: 60_000 }))).toEqual(['x']);
  });

  test('an abort that races with an event loses none', async (context) => {
    const bearer = fixture.bearer();
    demandWait(context, bearer, waitBy);
    const epoll = fixture.handler<string>(bearer, { waitBy });
    const sockets = await fixture.sockets(bearer);
    await epoll.add(sockets.reader, IN.with('ET'), 'x');
    let told = 0;
    for (let i = 0; i < 200; i++) {
      const controller = new AbortController();
      const waited = epoll.wait(controller).then(values, ({ name }) => name);
      bearer.flush();
      if (i % 3 === 0) controller.abort(); // reaches the kernel with the next batch
      if (i % 3 === 1) {
        controller.abort();
        bearer.flush(); // before the event
      }
      sockets.write();
      if (i % 3 === 2) controller.abort();
      const first = await waited;
      // Aborted in time, the event is for the next who waits; else there is none.
      const second = values(await epoll.wait({ timeoutMs: 0 }));
      expect([first, second]).toEqual(first === 'AbortError' ? ['AbortError', ['x']] : [['x'], []]);
      if (first !== 'AbortError') told++;
      sockets.read();
    }
    // Both happened: a third of the aborts was first for certain, a third of the events was there when the kernel looked.
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThan(200);
  });

  test('one at a time; take() is for in between', async (context) => {
    const bearer = fixture.bearer();
    demandWait(context, bearer, waitBy);
    const epoll = fixture.handler<string>(bearer, { waitBy });
    const sockets = await fixture.sockets(bearer);
    await epoll.add(sockets.reader, IN, 'x');
    const controller = new AbortController();
    const waited = codeOf(epoll.wait(controller));
    expect(await codeOf(epoll.wait())).toBe('WAIT_IN_PROGRESS');
    expect(await codeOf(epoll.events().next())).toBe('WAIT_IN_PROGRESS');
    expect(epoll.take()).toEqual([]);
    controller.abort();
    await waited;
    sockets.write();
    expect(values(epoll.take())).toEqual(['x']);
  });

  test('what a loop left untaken is for the next: edges are not lost', async (context) => {
    const bearer = fixture.bearer();
    demandWait(context, bearer, waitBy);
    const epoll = fixture.handler<number>(bearer, { waitBy });
    const channels = [];
    for (let i = 0; i < 6; i++) channels.push(await fixture.sockets(bearer));
    const edge = IN.with('ET');
    const registrations = [];
    for (const [i, { reader }] of channels.entries())
      registrations.push(await epoll.add(reader, edge, i));
    for (const channel of channels) channel.write();
    const seen: number[] = [];
    for (let loop = 0; loop < 2; loop++) {
      for await (const { registration } of epoll) {
        seen.push(registration.value);
        break;
      }
    }
    const gone = registrations.find(({ value }) => !seen.includes(value))!;
    await epoll.delete(gone);
    seen.push(...(values(await epoll.wait()) as number[]));
    expect(seen.sort()).toEqual([0, 1, 2, 3, 4, 5].filter((value) => value !== gone.value));
    expect(epoll.take()).toEqual([]);
  });
});

describe.each(['embedded', 'owner'] as const)('driver %s', (driver) => {
  test.for(WAYS)('by %s: 300 bytes, one at a time', async (waitBy, context) => {
    const bearer = fixture.bearer(driver);
    demandWait(context, bearer, waitBy);
    const epoll = fixture.handler<string>(bearer, { waitBy });
    const [there, back] = [await fixture.sockets(bearer), await fixture.sockets(bearer)];
    await epoll.add(there.reader, IN, 'there');
    await epoll.add(back.reader, IN, 'back');
    const order: string[] = [];
    there.write();
    for await (const { registration } of epoll) {
      order.push(registration.value);
      const [from, to] = registration.value === 'there' ? [there, back] : [back, there];
      from.read();
      if (order.length === 300) break;
      to.write();
    }
    expect(order).toEqual(Array.from({ length: 300 }, (_, i) => (i % 2 === 0 ? 'there' : 'back')));
  });
});

test('a ring that is driven by hand', async () => {
  const bearer = fixture.bearer('manual');
  const sockets = await fixture.sockets(fixture.bearer());
  const epoll = fixture.handler<string>(bearer);
  const driven = async <T>(promise: Promise<T>): Promise<T> => {
    bearer.submitAndWait(1);
    bearer.handleCompletions(100, () => 'forget'); // does not get in the way
    return promise;
  };
  await driven(epoll.add(sockets.reader, IN, 'x'));
  sockets.write();
  expect(values(await driven(epoll.wait()))).toEqual(['x']);
  expect(values(epoll.take())).toEqual(['x']);
});

describe('close()', () => {
  test.for(WAYS)(
    'by %s: ends the wait and the loop, lets changes finish, leaves descriptors open',
    async (waitBy, context) => {
      const bearer = fixture.bearer();
      demandWait(context, bearer, waitBy);
      const before = openDescriptors();
      for (let round = 0; round < 20; round++) {
        const epoll = EpollHandler.create<string>(bearer, { waitBy, eventsMax: 40 });
        const sockets = await fixture.sockets(bearer);
        const loop = (async () => {
          const seen: string[] = [];
          for await (const { registration } of epoll) seen.push(registration.value);
          return seen;
        })();
        const adding = epoll.add(sockets.reader, IN, 'x');
        const modifying = adding.then((registration) => codeOf(epoll.modify(registration)));
        if (round % 2 === 0) bearer.flush();
        const closing = epoll.close();
        expect(epoll.close()).toBe(closing);
        const registration = await adding;
        await closing;
        expect(await loop).toEqual([]);
        expect(await modifying).toMatch(/^(EPOLL_CLOSED|REGISTRATION_ENDED)$/);
        expect([registration.active, epoll.closed]).toEqual([false, true]);
        for (const use of [
          epoll.wait(),
          epoll.add(sockets.reader, IN, 'x'),
          epoll.apply([]),
          epoll.delete(registration),
        ]) {
          expect(await codeOf(use)).toBe('EPOLL_CLOSED');
        }
        expect(() => epoll.take()).toThrow('make a new one');
        expect(await epoll.events().next()).toEqual({ done: true, value: undefined });
        sockets.write(); // still open
        sockets.close();
      }
      expect(openDescriptors()).toBe(before);
      const { Buffers, PendingCompletions } = bearer.stats().capacity;
      expect([Buffers.used, PendingCompletions.used]).toEqual([0, 0]);
    },
  );

  test('a wait that was told of the end in words', async () => {
    const bearer = fixture.bearer();
    const epoll = fixture.handler(bearer);
    const waited = codeOf(epoll.wait());
    bearer.flush();
    await epoll[Symbol.asyncDispose]();
    expect(await waited).toBe('EPOLL_CLOSED');
  });

  test.for(WAYS)('by %s: the bearer closes first', async (waitBy, context) => {
    const bearer = fixture.bearer();
    demandWait(context, bearer, waitBy);
    const epoll = fixture.handler<string>(bearer, { waitBy, eventsMax: 40 });
    const sockets = await fixture.sockets(bearer);
    const registration = await epoll.add(sockets.reader, IN, 'x');
    const waited = codeOf(epoll.wait());
    bearer.flush();
    await bearer.close();
    expect(await waited).toBe('BEARER_CLOSED');
    expect(await codeOf(epoll.events().next())).toBe('BEARER_CLOSED');
    expect(await codeOf(epoll.delete(registration))).toBe('BEARER_CLOSED');
    expect(registration.active).toBe(true);
    await epoll.close();
    expect(registration.active).toBe(false);
    expect(() => EpollHandler.create(bearer)).toThrow('the bearer is closed');
  });

  test('a bearer that is full: the change is refused, the registration is as it was', async () => {
    const bearer = fixture.bearer('embedded', { PendingCompletions: 1 });
    const epoll = fixture.handler<string>(bearer);
    const sockets = await fixture.sockets(bearer);
    const registration = await epoll.add(sockets.reader, IN, 'x');
    const busy = bearer.submit(new Nop());
    expect(await codeOf(epoll.delete(registration))).toBe('AT_CAPACITY');
    await busy;
    const outcomes = await epoll.apply([
      { add: new RawFd(sockets.writer.number), events: IN, value: 'y' },
      { modify: registration, events: IN.with('ET') },
    ]);
    expect(outcomes.map((one) => (one as PromiseRejectedResult).reason?.code)).toEqual([
      undefined,
      'AT_CAPACITY',
    ]);
    expect(String(registration.events)).toBe('IN');
    sockets.write();
    expect(values(await epoll.wait())).toEqual(['x']);
    await epoll.delete(registration);
    expect(epoll.stats().registrations).toMatchObject({ used: 1, peak: 2 });
  });

  test('registrations are bounded, and come back', async () => {
    const bearer = fixture.bearer();
    const epoll = fixture.handler<string>(bearer, { registrationsMax: 1 });
    const [a, b] = [await fixture.sockets(bearer), await fixture.sockets(bearer)];
    for (let i = 0; i < 5; i++) {
      const registration = await epoll.add(a.reader, IN, 'a');
      await expect(epoll.add(b.reader, IN, 'b')).rejects.toThrow(/larger registrationsMax/);
      await epoll.delete(registration);
    }
    await epoll.add(b.reader, IN, 'b');
  });
});

test.for(WAYS)(
  'by %s: a Worker that is terminated takes its instances with it',
  async (waitBy, context) => {
    const bearer = fixture.bearer();
    demandWait(context, bearer, waitBy);
    const sockets = await fixture.sockets(bearer);
    const program = new URL('../test-support/epoll-worker.mjs', import.meta.url);
    const round = async (driver: string) => {
      const worker = new Worker(program, {
        workerData: { driver, waitBy, fd: sockets.reader.number },
      });
      expect((await once(worker, 'message'))[0]).toBe('waiting');
      await worker.terminate();
    };
    await round('embedded');
    await sleep(20);
    const before = openDescriptors();
    for (let i = 0; i < 8; i++) await round(i % 2 === 0 ? 'embedded' : 'owner');
    for (let i = 0; i < 200 && openDescriptors() > before; i++) await sleep(10);
    expect(openDescriptors()).toBeLessThanOrEqual(before);
    sockets.write(); // The descriptor it watched is not its own, and stays.
  },
);
