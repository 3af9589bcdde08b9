import { describe, expect, test } from 'vitest';
import { connect, GET, repliesOf, runtimeOf, statuses } from '../../../test-support/http1-peer.js';
import type { HttpReply, HttpRequest } from '../../exchange/index.js';
import { fetchHandler } from '../../handlers/fetch/index.js';
import { MemoryRuntime } from '../../runtime/memory/index.js';
import { http1 } from './http1.js';

interface Kept {
  readonly request: HttpRequest;
  readonly reply: HttpReply;
}

/** A handler that keeps its handles and replies to nobody by itself. */
function keeper() {
  const kept: Kept[] = [];
  const last = (): Kept => {
    const one = kept.at(-1);
    if (one === undefined) throw new Error('not called');
    return one;
  };
  const keep = (request: HttpRequest, reply: HttpReply): void => void kept.push({ request, reply });
  return { keep, last };
}

const codeOf = (signal: AbortSignal): unknown => (signal.reason as { code?: string })?.code;

describe('HttpRequest.signal', () => {
  test('is aborted by FIN while the handler is at work, and the reply is delivered all the same', () => {
    const { keep, last } = keeper();
    const peer = connect(keep).send(GET).run();
    const { request, reply } = last();
    const events: unknown[] = [];
    request.signal.addEventListener('abort', () => events.push(codeOf(request.signal)));
    expect(request.signal.aborted).toBe(false);
    peer.fin().run();
    expect(events).toEqual(['PEER_GONE']);
    expect([request.live, request.lost, reply.finished, reply.signal.aborted]).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(peer.closed).toBe(null);
    reply.text('for those who half-close');
    peer.run();
    expect(repliesOf(peer.received)[0]).toMatchObject({
      body: 'for those who half-close',
      fields: { connection: 'close' },
    });
    expect(peer.closed).toBe('ended');
    expect(events).toEqual(['PEER_GONE']);
  });

  test('is aborted already when it is first read after FIN', () => {
    const { keep, last } = keeper();
    connect(keep).send(GET).fin().run();
    const { signal } = last().request;
    expect([signal.aborted, codeOf(signal)]).toEqual([true, 'PEER_GONE']);
    expect(last().request.signal).toBe(signal);
  });

  test('is aborted by FIN after a body that was read, and while the reply is streamed', async () => {
    const { keep, last } = keeper();
    const peer = connect(keep).send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab');
    await peer.settle();
    const { request, reply } = last();
    const text = request.text();
    await peer.settle();
    expect(await text).toBe('ab');
    reply.write('x');
    const { signal } = request;
    await peer.fin().settle();
    expect([signal.aborted, reply.write('y')]).toEqual([true, true]);
    reply.end();
    await peer.settle();
    expect(repliesOf(peer.received)[0]?.body).toBe('xy');
  });

  test('lets a listener reply or end at once', () => {
    const peer = connect((request, reply) => {
      request.signal.addEventListener('abort', () => reply.status(499).empty());
    });
    peer.send(GET).fin().run();
    expect([statuses(peer), peer.closed]).toEqual([[499], 'ended']);
  });

  test('waits for FIN behind pipelined requests', () => {
    const { keep, last } = keeper();
    const peer = connect(keep)
      .send(GET + GET)
      .fin()
      .run();
    const first = last();
    const { signal } = first.request;
    expect(signal.aborted).toBe(false);
    first.reply.text('1');
    peer.run();
    expect([signal.aborted, last().request.signal.aborted]).toEqual([false, true]);
    last().reply.text('2');
    expect(statuses(peer.run())).toEqual([200, 200]);
  });

  test('is aborted by a reset and by a limit, with the reason, also when first read after it', () => {
    const ways = [
      ['PEER_GONE', 'peer'],
      ['REPLY_TIMEOUT', 'limit'],
    ] as const;
    for (const [code, way] of ways) {
      for (const early of [true, false]) {
        const { keep, last } = keeper();
        const runtime = runtimeOf(keep, { handlerTimeoutMs: 1_000 });
        const peer = runtime.connect().send(GET).run();
        const { request, reply } = last();
        const before = early ? [request.signal, reply.signal] : [];
        if (way === 'peer') peer.reset();
        else runtime.advance(1_000);
        expect(request.lost).toBe(true);
        const after = [request.signal, reply.signal];
        expect([...before, ...after].every((signal) => signal.aborted)).toBe(true);
        if (early) {
          expect(before).toEqual(after);
          expect(before.map(codeOf)).toEqual([code, code]);
        } else expect(after.map(codeOf)).toEqual(['PEER_GONE', 'PEER_GONE']);
      }
    }
  });

  test('is not aborted once the reply is complete, and belongs to its own exchange', async () => {
    const signals: AbortSignal[] = [];
    let release: () => void = () => {};
    const peer = connect(async (request, reply) => {
      if (request.path === '/2') {
        signals.push(request.signal);
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return reply.text('2');
      }
      signals.push(request.signal);
      reply.text('1');
      signals.push(request.signal);
      await null;
      signals.push(request.signal);
      return undefined;
    });
    await peer.send(GET).settle();
    await peer.send(GET.replace('/', '/2')).settle();
    await peer.fin().settle();
    expect(signals.map((signal) => signal.aborted)).toEqual([false, false, false, true]);
    release();
    await peer.settle();
    expect(statuses(peer)).toEqual([200, 200]);
  });

  test('of a Request is the same, before and after the client is gone', async () => {
    for (const early of [true, false]) {
      let late: Request | undefined;
      const seen: unknown[] = [];
      const handle = fetchHandler(
        (request) => {
          late = request;
          if (early) request.signal.addEventListener('abort', () => seen.push('event'));
          return new Promise<Response>(() => {});
        },
        { onError: () => {} },
      );
      const peer = await new MemoryRuntime(http1({ handle })).connect().send(GET).settle();
      if (early) await peer.fin().settle();
      else peer.reset();
      const signal = late?.signal as AbortSignal;
      seen.push(signal.aborted, codeOf(signal), late?.signal === signal);
      expect(seen).toEqual([...(early ? ['event'] : []), true, 'PEER_GONE', true]);
    }
  });
});

describe('a client that ended, with a handler at work', () => {
  test('is left when the handler was told and settles without ending its reply', async () => {
    const lost: unknown[] = [];
    const peer = connect(async (request, reply) => {
      reply.write('begun');
      reply.signal.addEventListener('abort', () => lost.push(codeOf(reply.signal)));
      await new Promise<void>((resolve) => {
        request.signal.addEventListener('abort', () => resolve());
      });
    });
    await peer.send(GET).settle();
    expect(peer.closed).toBe(null);
    await peer.fin().settle();
    expect([peer.closed, lost]).toEqual(['aborted', ['PEER_GONE']]);
  });

  test('is left when nothing is sent for halfCloseTimeoutMs, whether or not the reply was begun', () => {
    for (const begun of [false, true]) {
      for (const asked of ['before', 'after', 'never']) {
        const { keep, last } = keeper();
        const runtime = runtimeOf(keep, { halfCloseTimeoutMs: 10_000 });
        const peer = runtime.connect().send(GET).run();
        const { request, reply } = last();
        if (begun) reply.write('begun');
        if (asked === 'before') request.signal.aborted;
        runtime.advance(60_000);
        peer.fin().run();
        runtime.advance(5_000);
        // Asking is no sign of life of the reply.
        if (asked === 'after') expect(request.signal.aborted).toBe(true);
        runtime.advance(4_500);
        expect(peer.closed).toBe(null);
        runtime.advance(500);
        expect([peer.closed, request.lost, reply.signal.aborted]).toEqual(['aborted', true, true]);
        expect(() => reply.text('too late')).not.toThrow();
      }
    }
  });

  test.each([true, false])(
    'is kept while the handler writes, or the client takes its time to read; signal asked for: %s',
    (asked) => {
      const { keep, last } = keeper();
      const runtime = runtimeOf(keep, { halfCloseTimeoutMs: 10_000 });
      const peer = runtime.connect().send(GET).run();
      const { request, reply } = last();
      if (asked) expect(request.signal.aborted).toBe(false);
      peer.fin().run();
      for (let i = 0; i < 5; i++) {
        reply.write('x');
        runtime.advance(9_000);
      }
      peer.reads = false;
      reply.write('y'.repeat(100_000));
      runtime.advance(60_000);
      expect(peer.closed).toBe(null);
      peer.reads = true;
      reply.end();
      peer.run();
      expect(repliesOf(peer.received)[0]?.body.length).toBe(100_005);
    },
  );

  test('is kept by interim replies, and left 30 s after the last by default', () => {
    const { keep, last } = keeper();
    const runtime = runtimeOf(keep);
    const peer = runtime.connect().send(GET).fin().run();
    for (let i = 0; i < 5; i++) {
      runtime.advance(25_000);
      last().reply.informational(102);
    }
    expect(peer.run().closed).toBe(null);
    runtime.advance(60_000);
    expect(peer.closed).toBe('aborted');
  });

  test('is left when it ended after its body was read', async () => {
    const runtime = runtimeOf(async (request) => {
      await request.text();
      await new Promise(() => {});
    });
    const text = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab';
    const peer = await runtime.connect().send(text).fin().settle();
    runtime.advance(29_500);
    expect(peer.closed).toBe(null);
    runtime.advance(500);
    expect(peer.closed).toBe('aborted');
  });

  test('is answered 503 when the handler may take less time than that', () => {
    const { keep } = keeper();
    const runtime = runtimeOf(keep, { handlerTimeoutMs: 5_000 });
    const peer = runtime.connect().send(GET).fin().run();
    runtime.advance(5_000);
    expect([statuses(peer), peer.closed]).toEqual([[503], 'ended']);
  });

  test('is waited for without end when halfCloseTimeoutMs is lifted', () => {
    const { keep, last } = keeper();
    const never = Number.POSITIVE_INFINITY;
    const runtime = runtimeOf(keep, { halfCloseTimeoutMs: never, handlerTimeoutMs: never });
    const peer = runtime.connect().send(GET).fin().run();
    runtime.advance(600_000);
    last().reply.text('at last');
    expect(statuses(peer.run())).toEqual([200]);
  });
});

describe('HttpReply.signal', () => {
  test('lets a streamed Response reach a client that half-closed, and cancels it when the client is gone', async () => {
    const cancelled: unknown[] = [];
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
    const handle = fetchHandler(
      () =>
        new Response(
          new ReadableStream<Uint8Array>({
            start(given) {
              controller = given;
              given.enqueue(Buffer.from('a'));
            },
            cancel(reason) {
              cancelled.push((reason as { code: string }).code);
            },
          }) as never,
        ),
      { onError: () => {} },
    );
    const half = await new MemoryRuntime(http1({ handle })).connect().send(GET).fin().settle();
    controller?.enqueue(Buffer.from('b'));
    await half.settle();
    controller?.close();
    await half.settle();
    expect(repliesOf(half.received)[0]?.body).toBe('ab');
    expect(cancelled).toEqual([]);

    const gone = await new MemoryRuntime(http1({ handle })).connect().send(GET).fin().settle();
    gone.reset();
    await gone.settle();
    expect(cancelled).toEqual(['PEER_GONE']);
  });

  test('throws once the exchange is over', () => {
    const { keep, last } = keeper();
    const peer = connect(keep).send(GET).run();
    const { reply } = last();
    reply.text('done');
    expect(reply.signal.aborted).toBe(false);
    peer.send(GET).run();
    expect(() => reply.signal).toThrow('over');
  });
});
