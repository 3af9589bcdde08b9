import { describe, expect, test } from 'vitest';
import {
  connect,
  GET,
  type Handler,
  repliesOf,
  statuses,
} from '../../../test-support/http1-peer.js';
import { contentKindOf, type HttpReply, KIND_LENGTH_MAX } from '../../exchange/index.js';
import { fetchHandler } from '../../handlers/fetch/index.js';
import { rawHandler } from '../../handlers/raw.js';
import { MemoryRuntime } from '../../runtime/memory/index.js';
import { http1 } from './http1.js';

const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n';
const CHUNKED = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';

/** A connection, and the errors that escaped its handler. */
function watched(handler: Handler) {
  const errors: unknown[] = [];
  const handle = rawHandler(handler, { onError: (error) => errors.push(error) });
  return { peer: new MemoryRuntime(http1({ handle })).connect(), errors };
}

describe('handlers that misbehave', () => {
  test('reply twice: the first counts, the second throws', async () => {
    for (const later of [false, true]) {
      const handler = (_request: unknown, reply: HttpReply): void => {
        reply.text('one');
        reply.text('two');
      };
      const { peer, errors } = watched(
        later ? async (request, reply) => handler(request, await reply) : handler,
      );
      await peer.send(GET + GET).settle();
      expect(repliesOf(peer.received).map((reply) => reply.body)).toEqual(['one', 'one']);
      expect(errors).toMatchObject([{ code: 'REPLY_STARTED' }, { code: 'REPLY_STARTED' }]);
    }
  });

  test('reply in a finally after a throw: the reply counts and the error is told', async () => {
    const sync: Handler = (_request, reply) => {
      try {
        throw new Error('boom');
      } finally {
        reply.status(418).text('finally');
      }
    };
    for (const handler of [sync, async (...both: Parameters<Handler>) => sync(...both)]) {
      const { peer, errors } = watched(handler);
      await peer.send(GET + GET).settle();
      expect(statuses(peer)).toEqual([418, 418]);
      expect(errors).toMatchObject([{ message: 'boom' }, { message: 'boom' }]);
    }
  });

  test('throw after a whole reply: it is delivered, and the connection stays', async () => {
    const { peer } = watched(async (_request, reply) => {
      reply.text('whole');
      await null;
      throw new Error('late');
    });
    await peer.send(GET).settle();
    await peer.send(GET).settle();
    expect(statuses(peer)).toEqual([200, 200]);
  });

  test('reply after the server closed the connection: nobody hears, nothing breaks', async () => {
    let go: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const { peer, errors } = watched(async (_request, reply) => {
      await gate;
      reply.write('x');
      reply.end('y');
    });
    await peer.send(GET).settle();
    peer.left.abort();
    await peer.settle();
    go();
    await peer.settle();
    expect([peer.closed, peer.received, errors]).toEqual(['aborted', '', []]);
  });

  test('read a body twice: the second time fails, the first is not disturbed', async () => {
    const { peer, errors } = watched(async (request, reply) => {
      const [first, second] = await Promise.allSettled([request.text(), request.bytes()]);
      const third = await request.body.read().catch((error: { code: string }) => error.code);
      reply.json([
        first.status === 'fulfilled' && first.value,
        second.status === 'rejected' && second.reason.code,
        third,
      ]);
    });
    await peer.send(`${POST}abcdef`).settle();
    expect(repliesOf(peer.received)[0]?.body).toBe('["abcdef","BODY_USED","BODY_USED"]');
    expect(errors).toEqual([]);
  });

  test('ask for a body after the reply: it fails, also when the rest was drained', async () => {
    const codes: unknown[] = [];
    const peer = connect(async (request, reply) => {
      reply.text('unread');
      for (let i = 0; i < 3; i++) {
        codes.push(await request.text().catch((error: { code: string }) => error.code));
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
    });
    await peer.send(`${POST}abc`).settle(1);
    await peer.send('def').settle();
    expect(codes).toEqual(['EXCHANGE_FINISHED', 'BODY_USED', 'BODY_USED']);
    const late: unknown[] = [];
    const other = connect(async (request, reply) => {
      reply.text('unread');
      await new Promise<void>((resolve) => setImmediate(resolve));
      late.push(await request.text().catch((error: { code: string }) => error.code));
    });
    await other.send(`${POST}abcdef`).settle();
    expect(late).toEqual(['EXCHANGE_FINISHED']);
  });

  test('leave a body half-read or cancelled: the rest is dropped, the next request answered', async () => {
    const raw: Handler = async (request, reply) => {
      if (request.hasBody) for await (const _piece of request.body) break;
      reply.text('half');
    };
    const cancelling = fetchHandler(async (request) => {
      await request.body?.cancel();
      return new Response('half');
    });
    const stopping = fetchHandler(async (request) => {
      const reader = request.body?.getReader();
      await reader?.read();
      await reader?.cancel('enough');
      return new Response('half');
    });
    for (const handle of [rawHandler(raw), cancelling, stopping]) {
      for (const body of [`${POST}abcdef`, `${CHUNKED}3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n`]) {
        for (const splits of ['none', 1] as const) {
          const peer = new MemoryRuntime(http1({ handle })).connect();
          await peer.send(body + GET, splits).settle(10);
          expect(repliesOf(peer.received).map((reply) => reply.body)).toEqual(['half', 'half']);
        }
      }
    }
  });

  test('upgrade to a protocol that fails to start: the connection is aborted', () => {
    const { peer, errors } = watched((_request, reply) =>
      reply.upgrade('echo', {
        name: 'echo',
        instantiate: () => {
          throw new Error('no');
        },
      }),
    );
    peer.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n').run();
    expect(peer.closed).toBe('aborted');
    expect(errors).toMatchObject([{ message: 'no' }]);
  });

  test('return a thenable that throws', async () => {
    const handle = () => {
      const thenable = {};
      const throws = (): never => {
        throw new Error('then');
      };
      return Object.defineProperty(thenable, 'then', { value: throws }) as never;
    };
    const peer = await new MemoryRuntime(http1({ handle })).connect().send(GET).settle();
    expect(statuses(peer)).toEqual([500]);
  });
});

describe('peers that are small-minded', () => {
  test('send chunks of one byte: what waits for a slow reader is bounded by its cost', async () => {
    let read: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      read = resolve;
    });
    let bytes = 0;
    const peer = connect(async (request, reply) => {
      await request.body.read();
      await gate;
      bytes = 1;
      for await (const piece of request.body) bytes += piece.length;
      reply.text(String(bytes));
    });
    const total = 20_000;
    peer.send(`${CHUNKED}${'1\r\nx\r\n'.repeat(total)}0\r\n\r\n`);
    await peer.settle();
    // A piece of one byte costs more than a hundred: about 500 fit.
    expect(peer.pendingBytes).toBeGreaterThan((total - 1_000) * 6);
    read();
    await peer.settle(200);
    expect(repliesOf(peer.received)[0]?.body).toBe(String(total));
  });

  test('send chunks of one byte to a reader of the whole: they are one body', async () => {
    const peer = connect(async (request, reply) => reply.json((await request.text()).length));
    await peer.send(`${CHUNKED}${'1\r\nx\r\n'.repeat(50_000)}0\r\n\r\n`, 4_096).settle();
    expect(repliesOf(peer.received)[0]?.body).toBe('50000');
  });

  test('send too many or too large trailers: 431, whatever follows', async () => {
    const large = `A: ${'b'.repeat(20_000)}`;
    for (const trailers of [
      `${'A: b\r\n'.repeat(101)}\r\n${GET}`,
      `${large}\r\n\r\n${GET}`,
      large,
    ]) {
      for (const splits of ['none', 1_000] as const) {
        const errors: unknown[] = [];
        const handle = rawHandler(async (request, reply) => reply.text(await request.text()), {
          onError: (error) => errors.push(error),
        });
        const peer = new MemoryRuntime(http1({ handle })).connect();
        await peer.send(`${CHUNKED}1\r\nx\r\n0\r\n${trailers}`, splits).settle();
        expect([statuses(peer), peer.closed]).toEqual([[431], 'ended']);
        expect(errors).toMatchObject([{ code: 'BODY_INVALID', status: 431 }]);
      }
    }
  });

  test('fill the field table to its end, pipelined', () => {
    const request = (n: number): string =>
      `GET /${n} HTTP/1.1\r\nHost: a\r\n${Array.from({ length: n - 1 }, (_, i) => `F${i}: ${n}\r\n`).join('')}\r\n`;
    for (const splits of ['none', 1, 'random'] as const) {
      const seen: unknown[] = [];
      const peer = connect((request, reply) => {
        seen.push([request.path, request.rawHeaders.length / 2, request.header('f98')]);
        reply.empty();
      });
      peer.send(request(100) + request(1) + request(100) + request(101) + GET, splits).run();
      expect(seen).toEqual([
        ['/100', 100, '100'],
        ['/1', 1, undefined],
        ['/100', 100, '100'],
      ]);
      expect(statuses(peer)).toEqual([200, 200, 200, 431]);
      expect(peer.closed).toBe('ended');
    }
  });

  test('pipeline thousands of tiny requests without reading: held back, then answered in order', () => {
    let calls = 0;
    const peer = connect((request, reply) => {
      calls++;
      reply.text(request.path);
    });
    peer.reads = false;
    const n = 5_000;
    peer.send(
      Array.from({ length: n }, (_, i) => `GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''),
      10_000,
    );
    peer.run();
    expect(peer.left.queuedBytes).toBeLessThan(70_000);
    expect(calls).toBeLessThan(1_000);
    peer.reads = true;
    peer.run();
    expect(repliesOf(peer.received).map((reply) => reply.body)).toEqual(
      Array.from({ length: n }, (_, i) => `/${i}`),
    );
  });

  test('have their long Content-Type sent back: it fits, and takes no place among the ready-made heads', () => {
    const long = 'a/'.padEnd(15_900, 'b');
    const peer = connect((request, reply) =>
      reply.header('Content-Type', request.header('content-type') ?? '').text('x'.repeat(60)),
    );
    peer.send(`GET / HTTP/1.1\r\nHost: a\r\nContent-Type: ${long}\r\n\r\n`).run();
    expect(repliesOf(peer.received)[0]?.fields['content-type']).toBe(long);
    expect(contentKindOf('c/'.padEnd(KIND_LENGTH_MAX + 1, 'd'))).toBe(-1);
  });
});
