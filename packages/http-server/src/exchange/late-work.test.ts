import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { GET, type Handler, statuses } from '../../test-support/http1-peer.js';
import { rawHandler } from '../handlers/raw.js';
import { http1 } from '../protocol/http1/index.js';
import { MemoryRuntime } from '../runtime/memory/index.js';
import { LateWork, type LateWorkOptions } from './late-work.js';
import type { HttpReply } from './reply.js';
import type { HttpRequest } from './request.js';

interface Told {
  readonly error: unknown;
  readonly request: HttpRequest;
  readonly reply: HttpReply;
}

/** An app with a handler, its late work, and what was reported of it. */
function house(handler: Handler, options: LateWorkOptions = {}) {
  const told: Told[] = [];
  const late = new LateWork({
    onError: (error, request, reply) => void told.push({ error, request, reply }),
    ...options,
  });
  const escaped: unknown[] = [];
  const handle = rawHandler(handler, { onError: (error) => void escaped.push(error) });
  return { late, told, escaped, runtime: new MemoryRuntime(http1({ handle, late })) };
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('HttpRequest.waitUntil()', () => {
  test('counts work until it settles, and keeps the head readable for it', async () => {
    const seen: string[] = [];
    let go: () => void = () => {};
    const { late, told, runtime } = house((request, reply) => {
      request.waitUntil(
        new Promise<void>((resolve) => {
          go = resolve;
        }).then(() => void seen.push(request.path, request.header('host')!)),
      );
      reply.text('ok');
    });
    const peer = runtime.connect().send(GET.replace('/', '/late')).run();
    expect([statuses(peer), late.pending]).toEqual([[200], 1]);
    // The next exchange of the connection takes the place of the head.
    peer.send(GET.replace('/', '/next')).run();
    peer.reset();
    expect(late.pending).toBe(2);
    expect(await late.settled(0)).toBe(false);
    go();
    await nextTurn();
    expect(seen).toEqual(['/next', 'a']);
    expect([late.pending, told]).toEqual([1, []]);
  });

  test('tells of failures, with the request and a reply that is over', async () => {
    const { late, told, escaped, runtime } = house((request, reply) => {
      request.waitUntil(Promise.reject(new Error('late')));
      // Not ours to answer any more, even when it is not out yet.
      setImmediate(() => reply.text('ok'));
    });
    const peer = await runtime.connect().send(GET).settle();
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ error: { message: 'late' } });
    expect(told[0]!.request.path).toBe('/');
    expect(told[0]!.reply.finished).toBe(true);
    expect(() => told[0]!.reply.text('no')).toThrow('over');
    expect([statuses(peer), escaped, late.pending]).toEqual([[200], [], 0]);
  });

  test('takes a failure report of its own, and survives one that fails', async () => {
    const mine: unknown[] = [];
    const said: unknown[] = [];
    const log = console.error;
    console.error = (error: unknown) => void said.push(error);
    try {
      const { late, told, runtime } = house((request, reply) => {
        request.waitUntil(Promise.reject(new Error('one')), (error) => void mine.push(error));
        request.waitUntil(Promise.reject(new Error('two')), () => {
          throw new Error('a bug in the report');
        });
        request.waitUntil(Promise.reject(new Error('three')), () =>
          Promise.reject(new Error('another')),
        );
        reply.text('ok');
      });
      await runtime.connect().send(GET).settle();
      expect(mine).toMatchObject([{ message: 'one' }]);
      expect(told).toEqual([]);
      expect(said).toMatchObject([{ message: 'a bug in the report' }, { message: 'another' }]);
      expect(late.pending).toBe(0);
    } finally {
      console.error = log;
    }
  });

  test('waits for work that work gave it, also after the exchange', async () => {
    const order: string[] = [];
    const { late, runtime } = house((request, reply) => {
      request.waitUntil(
        (async () => {
          await sleep(5);
          request.waitUntil(sleep(20).then(() => void order.push('inner')));
          order.push('outer');
        })(),
      );
      reply.text('ok');
    });
    await runtime.connect().send(GET).settle();
    expect(await late.settled(5_000)).toBe(true);
    expect(order).toEqual(['outer', 'inner']);
    expect(await late.settled(0)).toBe(true);
  });

  test('is bounded: one too many throws, is answered 503, and its failure is told all the same', async () => {
    const releases: (() => void)[] = [];
    const { late, told, escaped, runtime } = house(
      (request, reply) => {
        if (request.path === '/fails') request.waitUntil(Promise.reject(new Error('unheard')));
        else request.waitUntil(new Promise<void>((resolve) => releases.push(resolve)));
        reply.text('ok');
      },
      { maxWaitUntil: 2 },
    );
    const peer = runtime.connect();
    await peer.send(GET + GET + GET + GET.replace('/', '/fails')).settle();
    expect(statuses(peer)).toEqual([200, 200, 503, 503]);
    expect(escaped).toMatchObject([
      { code: 'WORK_FULL', status: 503 },
      { code: 'WORK_FULL', status: 503 },
    ]);
    expect(told).toMatchObject([{ error: { message: 'unheard' } }]);
    expect(late.pending).toBe(2);
    // What was refused does not free a place of those that were taken.
    releases[2]!();
    await nextTurn();
    expect(late.pending).toBe(2);
    releases[0]!();
    await nextTurn();
    expect(late.pending).toBe(1);
    expect(statuses(await peer.send(GET).settle())).toEqual([200, 200, 503, 503, 200]);
  });

  test('takes promises and thenables, and nothing else', async () => {
    const errors: unknown[] = [];
    const { late, runtime } = house((request, reply) => {
      for (const work of [undefined, null, 5, () => {}, {}]) {
        try {
          request.waitUntil(work as never);
        } catch (error) {
          errors.push((error as Error).name);
        }
      }
      // biome-ignore lint/suspicious/noThenProperty: a thenable of somebody else's
      request.waitUntil({ then: (done: () => void) => setImmediate(done) } as never);
      reply.text('ok');
    });
    const peer = runtime.connect().send(GET).run();
    expect([statuses(peer), late.pending]).toEqual([[200], 1]);
    expect(errors).toEqual(Array(5).fill('TypeError'));
    await peer.settle();
    expect(late.pending).toBe(0);
  });
});

describe('LateWork', () => {
  test.each([-1, 1.5, Number.NaN, '5', null])('refuses maxWaitUntil %s', (maxWaitUntil) => {
    expect(() => new LateWork({ maxWaitUntil: maxWaitUntil as number })).toThrow(
      /^Cannot wait for late work as maxWaitUntil must be an integer >= 0 or Infinity: current value is /,
    );
  });

  test('takes 0 for none at all', async () => {
    const { runtime, escaped } = house(
      (request, reply) => {
        request.waitUntil(Promise.resolve());
        reply.text('ok');
      },
      { maxWaitUntil: 0 },
    );
    expect(statuses(await runtime.connect().send(GET).settle())).toEqual([503]);
    expect(escaped).toMatchObject([{ code: 'WORK_FULL' }]);
  });
});
