import { describe, expect, test } from 'vitest';
import { connect, type Handler, repliesOf, statuses } from '../../../test-support/http1-peer.js';
import { FastResponse, fetchHandler } from '../../handlers/index.js';
import { MemoryRuntime } from '../../runtime/memory/index.js';
import { http1 } from './http1.js';

const MEGABYTES = 1024 * 1024;
const LIMITS = { maxBodyBytes: 10, maxRaisedBodyBytes: 1000 };

const post = (length: number, more = '') =>
  `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n${more}\r\n`;
const chunked = (...chunks: string[]) =>
  `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${[...chunks, '']
    .map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`)
    .join('')}`;
const codes: string[] = [];

/** Sets the limit, then echoes. */
function limiting(bytes: number | null, gate: () => unknown = () => undefined): Handler {
  return async (request, reply) => {
    const pause = gate();
    if (pause !== undefined) await pause;
    if (bytes !== null) request.maxBodyBytes = bytes;
    try {
      reply.text(await request.text());
    } catch (error) {
      codes.push((error as { code: string }).code);
      throw error;
    }
  };
}

describe('HttpRequest.maxBodyBytes', () => {
  test('raises the limit of one request, and of no other', async () => {
    let raised = 0;
    const peer = connect((request, reply) => {
      expect(request.maxBodyBytes).toBe(10);
      return limiting(raised++ === 0 ? 100 : null)(request, reply);
    }, LIMITS);
    await peer.send(post(50, '') + 'x'.repeat(50)).settle();
    await peer.send(post(50) + 'x'.repeat(50)).settle();
    expect(statuses(peer)).toEqual([200, 413]);
    expect(repliesOf(peer.received)[1]?.fields.connection).toBe('close');
    expect(codes.splice(0)).toEqual(['BODY_TOO_LARGE']);
  });

  test.each([
    ['at once', () => undefined],
    ['later', () => new Promise<void>((resolve) => setImmediate(resolve))],
  ])(
    'refuses what is announced to be too large when it is read %s, with 413 and without 100',
    async (_when, gate) => {
      for (const bytes of [null, 20]) {
        const peer = connect(limiting(bytes, gate), LIMITS);
        await peer.send(post(21, 'Expect: 100-continue\r\n')).settle();
        const [reply] = repliesOf(peer.received);
        expect(reply).toMatchObject({
          status: 413,
          fields: { connection: 'close' },
          body: 'The request body is too large\n',
        });
        expect([peer.closed, codes.splice(0)]).toEqual(['ended', ['BODY_TOO_LARGE']]);
      }
    },
  );

  test('lets the body come that is within it, after 100 Continue', async () => {
    for (const gate of [() => undefined, () => Promise.resolve()]) {
      const peer = connect(limiting(20, gate), LIMITS);
      await peer.send(post(20, 'Expect: 100-continue\r\n')).settle();
      expect(peer.takeReceived()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
      await peer.send('x'.repeat(20)).settle();
      expect(repliesOf(peer.received)[0]?.body).toBe('x'.repeat(20));
      expect(peer.left.ended).toBe(false);
    }
  });

  test('holds chunks to it, raised or lowered', async () => {
    const within = await connect(limiting(30), LIMITS)
      .send(chunked('x'.repeat(30)))
      .settle();
    expect(statuses(within)).toEqual([200]);
    for (const [bytes, ...chunks] of [
      [30, 'x'.repeat(30), 'y'],
      [3, 'abcd'],
      [0, 'a'],
    ] as const) {
      const peer = await connect(limiting(bytes), LIMITS)
        .send(chunked(...chunks))
        .settle();
      expect(statuses(peer)).toEqual([413]);
    }
    expect(codes.splice(0)).toHaveLength(3);
  });

  test('lowers it below what the server allows, for a length that was declared', async () => {
    const peer = await connect(limiting(4), LIMITS)
      .send(`${post(5)}hello`)
      .settle();
    expect(statuses(peer)).toEqual([413]);
    expect(codes.splice(0)).toEqual(['BODY_TOO_LARGE']);
  });

  test('lowered in the middle of a body ends it there', async () => {
    const peer = connect(async (request, reply) => {
      try {
        for await (const piece of request.body) request.maxBodyBytes = piece.length;
        reply.text('whole');
      } catch (error) {
        codes.push((error as { code: string }).code);
      }
    });
    await peer.send(`${post(10)}hello`).settle();
    await peer.send('world').settle();
    expect([statuses(peer), codes.splice(0)]).toEqual([[413], ['BODY_TOO_LARGE']]);
  });

  test('a reply that was begun is aborted when the body turns out to be too large', async () => {
    const peer = connect(async (request, reply) => {
      reply.write('begun');
      await request.text().catch((error) => codes.push(error.code));
    }, LIMITS);
    await peer.send(post(11)).settle();
    expect([peer.closed, codes.splice(0)]).toEqual(['aborted', ['BODY_TOO_LARGE']]);
  });

  test('a handler that does not read is heard, and the connection ends when the rest is large', async () => {
    const refuse: Handler = (_request, reply) => reply.status(401).text('who are you?');
    const limits = { maxBodyBytes: 10, maxRaisedBodyBytes: 64 * MEGABYTES };
    const large = await connect(refuse, limits)
      .send(post(32 * MEGABYTES))
      .settle();
    expect(repliesOf(large.received)[0]).toMatchObject({
      status: 401,
      fields: { connection: 'close' },
    });
    const small = connect(refuse, limits).send(`${post(20)}${'x'.repeat(20)}${post(0)}`);
    expect(statuses(await small.settle())).toEqual([401, 401]);
  });

  test('without maxRaisedBodyBytes nothing can be raised: refused before the handler', async () => {
    let calls = 0;
    const errors: unknown[] = [];
    const handler: Handler = (request, reply) => {
      calls++;
      try {
        request.maxBodyBytes = 11;
      } catch (error) {
        errors.push(error);
      }
      reply.text('ok');
    };
    const peer = connect(handler, { maxBodyBytes: 10 });
    await peer.send(`${post(10)}${'x'.repeat(10)}${post(11)}`).settle();
    expect([statuses(peer), calls]).toEqual([[200, 413], 1]);
    expect(errors).toMatchObject([
      {
        name: 'RangeError',
        message:
          'Cannot raise maxBodyBytes as it must be <= maxRaisedBodyBytes of the server, which is 10: current value is 11',
      },
    ]);
  });

  test('above maxRaisedBodyBytes the handler is not asked', async () => {
    let calls = 0;
    const peer = connect(() => void calls++, LIMITS);
    await peer.send(post(1001, 'Expect: 100-continue\r\n')).settle();
    expect([statuses(peer), calls]).toEqual([[413], 0]);
  });

  test('takes bytes, and nothing that looks like them', async () => {
    const messages: string[] = [];
    const peer = connect(
      (request, reply) => {
        for (const bytes of ['5', null, undefined, -1, 1.5, Number.NaN, 2 ** 53]) {
          try {
            request.maxBodyBytes = bytes as number;
          } catch (error) {
            messages.push((error as Error).name);
          }
        }
        request.maxBodyBytes = Number.POSITIVE_INFINITY;
        reply.text(String(request.maxBodyBytes));
      },
      { maxRaisedBodyBytes: Number.POSITIVE_INFINITY },
    );
    await peer.send(`${post(1)}a`).settle();
    expect(messages).toEqual([
      'TypeError',
      'TypeError',
      'TypeError',
      'RangeError',
      'RangeError',
      'RangeError',
      'RangeError',
    ]);
    expect(repliesOf(peer.received)[0]?.body).toBe('Infinity');
  });

  test("means nothing to a request without a body, and is nobody's once the exchange is over", async () => {
    let kept: { maxBodyBytes: number } | undefined;
    const peer = connect((request, reply) => {
      kept = request;
      request.maxBodyBytes = 500;
      reply.text(String(request.maxBodyBytes));
    }, LIMITS);
    await peer.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n').settle();
    expect(repliesOf(peer.received)[0]?.body).toBe('10');
    expect(() => kept!.maxBodyBytes).toThrow('over');
    expect(() => {
      kept!.maxBodyBytes = 5;
    }).toThrow('over');
  });

  test("is the context's with a fetch handler", async () => {
    const handle = fetchHandler(
      async (request, context) => {
        const { pathname } = new URL(request.url);
        if (pathname === '/upload') context.maxBodyBytes = 100;
        const text = await request.text();
        return new FastResponse(`${context.maxBodyBytes} ${text.length}`) as unknown as Response;
      },
      { onError: () => {} },
    );
    const runtime = new MemoryRuntime(http1({ handle, ...LIMITS }));
    const upload = post(50).replace('/', '/upload') + 'x'.repeat(50);
    const peer = await runtime
      .connect()
      .send(upload + post(50))
      .settle();
    const replies = repliesOf(peer.received);
    expect(replies.map(({ status, body }) => [status, body.trim()])).toEqual([
      [200, '100 50'],
      [413, 'The request body is too large'],
    ]);
  });

  test('maxRaisedBodyBytes must not be below maxBodyBytes', () => {
    const handle = () => {};
    expect(() => http1({ handle, maxBodyBytes: 10, maxRaisedBodyBytes: 9 })).toThrow(
      'Cannot configure HTTP/1.1 as maxRaisedBodyBytes must be >= maxBodyBytes, which is 10: current value is 9',
    );
    expect(() => http1({ handle, maxRaisedBodyBytes: 100 })).toThrow(RangeError);
    expect(() => http1({ handle, maxBodyBytes: 0, maxRaisedBodyBytes: 0 })).not.toThrow();
  });
});
