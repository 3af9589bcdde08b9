import { describe, expect, test } from 'vitest';
import type { HttpReply, HttpRequest } from '../../exchange/index.js';
import { rawHandler } from '../../handlers/raw.js';
import { type MemoryConnection, MemoryRuntime } from '../../runtime/memory/index.js';
import { type Http1Options, http1 } from './http1.js';

type Handler = (request: HttpRequest, reply: HttpReply) => void | Promise<void>;

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n';
/** For handlers that take an hour. */
const LONG_HANDLERS = { handlerTimeoutMs: Number.POSITIVE_INFINITY };
const hello: Handler = (_request, reply) => reply.text('hi');
const echo: Handler = async (request, reply) => reply.text(await request.text());

function runtimeOf(handler: Handler, options: Partial<Http1Options> = {}): MemoryRuntime {
  return new MemoryRuntime(
    http1({ handle: rawHandler(handler, { onError: () => {} }), ...options }),
  );
}

const statuses = (peer: MemoryConnection): number[] =>
  [...peer.received.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => Number(match[1]));

describe('Http1Connection.tick()', () => {
  test('closes an idle connection silently, before and after its first request', () => {
    const runtime = runtimeOf(hello);
    const fresh = runtime.connect().run();
    const used = runtime.connect().send(GET).run();
    runtime.advance(4_500);
    expect([fresh.closed, used.closed]).toEqual([null, null]);
    runtime.advance(500);
    expect([fresh.closed, fresh.received]).toEqual(['ended', '']);
    expect([used.closed, statuses(used)]).toEqual(['ended', [200]]);
  });

  test('counts idleness from the last reply', async () => {
    const runtime = runtimeOf(hello);
    const peer = runtime.connect();
    for (let i = 0; i < 5; i++) {
      peer.send(GET).run();
      runtime.advance(4_000);
    }
    expect(peer.closed).toBe(null);
    runtime.advance(1_000);
    expect(peer.closed).toBe('ended');
  });

  test('counts idleness from an asynchronous reply, and not while the handler runs', async () => {
    let go: () => void = () => {};
    const runtime = runtimeOf(async (_request, reply) => {
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      reply.text('late');
    });
    const peer = await runtime.connect().send(GET).settle();
    runtime.advance(60_000);
    expect(peer.closed).toBe(null);
    go();
    await peer.settle();
    runtime.advance(4_500);
    expect(peer.closed).toBe(null);
    runtime.advance(500);
    expect(peer.closed).toBe('ended');
  });

  test('answers 408 to a head that takes too long in total', () => {
    const runtime = runtimeOf(hello);
    const peer = runtime.connect();
    const head = GET.slice(0, -2);
    for (const byte of head.slice(0, 5)) {
      peer.send(byte).run();
      runtime.advance(1_000);
    }
    expect(statuses(peer)).toEqual([408]);
    expect(peer.closed).toBe('ended');
    expect(peer.received).toContain('Connection: close');
  });

  test('counts the head from its own first byte on a connection that was used before', () => {
    const runtime = runtimeOf(hello);
    const peer = runtime.connect().send(GET).run();
    runtime.advance(4_000);
    peer.send('\r').run();
    runtime.advance(2_000);
    peer.send(`\n${GET.slice(0, 10)}`).run();
    runtime.advance(2_500);
    expect(statuses(peer)).toEqual([200]);
    peer.send(GET.slice(10)).run();
    expect(statuses(peer)).toEqual([200, 200]);
    peer.send('G').run();
    runtime.advance(5_000);
    expect(statuses(peer)).toEqual([200, 200, 408]);
  });

  test('answers 408 to a body that stalls, not to one that goes on', async () => {
    const runtime = runtimeOf(echo);
    const slow = await runtime.connect().send(`${POST}a`).settle();
    const steady = await runtime.connect().send(POST).settle();
    for (const byte of 'hell') {
      runtime.advance(29_000);
      await steady.send(byte).settle();
    }
    expect(statuses(slow)).toEqual([408]);
    expect(slow.closed).toBe('ended');
    await steady.send('o').settle();
    expect(steady.received).toMatch(/\r\n\r\nhello$/);
  });

  test('aborts when the body stalls after the reply was begun', async () => {
    const runtime = runtimeOf(async (request, reply) => {
      reply.write('begun');
      reply.end(await request.text());
    });
    const peer = await runtime.connect().send(POST).settle();
    runtime.advance(30_000);
    await peer.settle();
    expect(peer.closed).toBe('aborted');
  });

  test('does not hold a body against the peer that the handler does not read', async () => {
    let read: () => void = () => {};
    const runtime = runtimeOf(async (request, reply) => {
      await new Promise<void>((resolve) => {
        read = resolve;
      });
      reply.text(await request.text());
    });
    const peer = await runtime.connect().send(`${POST}hello`).settle();
    runtime.advance(120_000);
    expect(peer.received).toBe('');
    read();
    await peer.settle();
    expect(statuses(peer)).toEqual([200]);
  });

  test('limits a drain in total', async () => {
    const runtime = runtimeOf(hello);
    const peer = await runtime.connect().send(POST).settle();
    expect(statuses(peer)).toEqual([200]);
    runtime.advance(29_000);
    peer.send('a').run();
    runtime.advance(1_000);
    expect([peer.closed, statuses(peer)]).toEqual(['ended', [200]]);
  });

  // A byte every 20 s: never silent for bodyReadTimeoutMs, never through.
  test.each([
    ['data of a declared length', 'Content-Length: 1000', '', 'a'],
    ['data of a chunk', 'Transfer-Encoding: chunked', '3e8\r\n', 'a'],
    ['one-byte chunks', 'Transfer-Encoding: chunked', '', '1\r\na\r\n'],
    ['a chunk extension', 'Transfer-Encoding: chunked', '1;a=', 'a'],
    ['trailers', 'Transfer-Encoding: chunked', '0\r\nX: ', 'a'],
  ])(
    'answers 408 to a request that takes too long in total: %s',
    async (_what, framing, start, more) => {
      const errors: unknown[] = [];
      const runtime = runtimeOf(async (request, reply) => {
        if (request.path === '/begun') reply.write('begun');
        try {
          reply.text(await request.text());
        } catch (error) {
          errors.push((error as { code: string }).code);
        }
      });
      const head = `POST / HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n${start}`;
      const fresh = await runtime.connect().send(head).settle();
      const begun = await runtime.connect().send(head.replace('/', '/begun')).settle();
      for (let i = 0; i < 14; i++) {
        runtime.advance(20_000);
        await fresh.send(more).settle();
        await begun.send(more).settle();
      }
      runtime.advance(19_500);
      expect([fresh.closed, begun.closed]).toEqual([null, null]);
      runtime.advance(500);
      await fresh.settle();
      await begun.settle();
      expect([statuses(fresh), fresh.closed]).toEqual([[408], 'ended']);
      expect(fresh.received).toContain('Connection: close');
      expect([statuses(begun), begun.closed]).toEqual([[200], 'aborted']);
      expect(errors).toEqual(['BODY_TIMEOUT', 'BODY_TIMEOUT']);
    },
  );

  test('counts a request from the first byte of its head, each from its own', async () => {
    const runtime = runtimeOf(echo, { requestTimeoutMs: 10_000 });
    const peer = runtime.connect();
    for (let i = 0; i < 3; i++) {
      peer.send(POST.slice(0, 3)).run();
      runtime.advance(4_000);
      await peer.send(POST.slice(3)).settle();
      runtime.advance(5_500);
      await peer.send('hello').settle();
    }
    expect(statuses(peer)).toEqual([200, 200, 200]);
    peer.send(POST.slice(0, 3)).run();
    runtime.advance(4_000);
    await peer.send(`${POST.slice(3)}hell`).settle();
    runtime.advance(6_000);
    expect([statuses(peer), peer.closed]).toEqual([[200, 200, 200, 408], 'ended']);
  });

  test('bounds a head by the time of its request, when that is shorter', () => {
    const runtime = runtimeOf(hello, { requestTimeoutMs: 2_000 });
    const peer = runtime.connect().send('G').run();
    runtime.advance(2_000);
    expect(statuses(peer)).toEqual([408]);
  });

  test('does not count time in which the handler does not read', async () => {
    let read: () => void = () => {};
    const runtime = runtimeOf(async (request, reply) => {
      await new Promise<void>((resolve) => {
        read = resolve;
      });
      reply.text(await request.text());
    }, LONG_HANDLERS);
    const late = await runtime.connect().send(`${POST}hello`).settle();
    runtime.advance(3_600_000);
    read();
    await late.settle();
    expect(statuses(late)).toEqual([200]);

    const pieces: AsyncIterator<Uint8Array>[] = [];
    const streaming = runtimeOf(
      (request) => void pieces.push(request.body[Symbol.asyncIterator]()),
      { requestTimeoutMs: 60_000, ...LONG_HANDLERS },
    );
    const length = 1_000_000;
    const peer = streaming.connect().send(POST.replace('5', String(length)));
    await peer.settle();
    const next = pieces[0]!.next();
    await peer.send('x'.repeat(300_000), 50_000).settle();
    await next;
    expect(peer.left.paused).toBe(true);
    streaming.advance(3_600_000);
    expect(peer.closed).toBe(null);
    while (peer.left.paused) {
      await pieces[0]!.next();
      await peer.settle();
    }
    // The peer's turn again, with what was left of its time.
    for (let i = 0; i < 2; i++) {
      streaming.advance(29_500);
      await peer.send('x').settle();
      expect(peer.closed).toBe(null);
    }
    streaming.advance(1_000);
    expect(statuses(peer)).toEqual([408]);
  });

  test('limits a drain by what is left for its request', async () => {
    const runtime = runtimeOf(hello, { requestTimeoutMs: 10_000 });
    const peer = runtime.connect().send(POST.slice(0, 3)).run();
    runtime.advance(4_000);
    await peer.send(POST.slice(3)).settle();
    expect(statuses(peer)).toEqual([200]);
    runtime.advance(5_500);
    expect(peer.send('a').run().closed).toBe(null);
    runtime.advance(500);
    expect([peer.closed, statuses(peer)]).toEqual(['ended', [200]]);
  });

  test('answers 503 when the handler takes longer than it may, and aborts a begun reply', async () => {
    const late: unknown[] = [];
    const runtime = runtimeOf(
      async (request, reply) => {
        if (request.path === '/begun') reply.write('x');
        const { signal } = request;
        await new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => resolve());
        });
        late.push(reply.finished);
      },
      { handlerTimeoutMs: 2_000 },
    );
    const fresh = await runtime
      .connect()
      .send(GET + GET)
      .settle();
    const begun = await runtime.connect().send(GET.replace('/', '/begun')).settle();
    runtime.advance(1_500);
    expect(fresh.received).toBe('');
    runtime.advance(500);
    await fresh.settle();
    await begun.settle();
    expect([statuses(fresh), fresh.closed]).toEqual([[503], 'ended']);
    expect(begun.closed).toBe('aborted');
    expect(late).toEqual([true, true]);
  });

  test('ends a connection at its age: idle silently, busy with Connection: close', () => {
    const runtime = runtimeOf(hello, { connectionTimeoutMs: 10_000, keepAliveTimeoutMs: 60_000 });
    const idle = runtime.connect().send(GET).run();
    runtime.advance(9_500);
    expect(idle.closed).toBe(null);
    const busy = runtime.connect().send(GET).run();
    runtime.advance(500);
    expect([idle.closed, statuses(idle)]).toEqual(['ended', [200]]);
    runtime.advance(9_000);
    busy.send(GET.slice(0, 4)).run();
    runtime.advance(500);
    expect(busy.closed).toBe(null);
    busy.send(GET.slice(4)).run();
    expect(busy.received.match(/Connection: close/g)).toHaveLength(1);
    expect(busy.closed).toBe('ended');
  });

  test('never fires when every limit is lifted', async () => {
    const never = Number.POSITIVE_INFINITY;
    const runtime = runtimeOf(echo, {
      headerReadTimeoutMs: never,
      bodyReadTimeoutMs: never,
      requestTimeoutMs: never,
      keepAliveTimeoutMs: never,
      connectionTimeoutMs: never,
      handlerTimeoutMs: never,
    });
    const idle = runtime.connect().run();
    const head = runtime.connect().send('GE').run();
    const body = await runtime.connect().send(POST).settle();
    runtime.advance(400_000);
    expect([idle.closed, head.closed, body.closed]).toEqual([null, null, null]);
    expect([idle, head, body].map((peer) => peer.left.deadline)).toEqual([0, 0, 0]);
  });
});
