// Issue: byte bounds, trailers both ways, Expect decided by first read or by the app, interim responses, response length mismatch: over sockets, on every
// runtime.

import { setTimeout as sleep } from 'node:timers/promises';
import { HttpServerError } from '@ringbearer/http-server';
import { describe, expect, test } from 'vitest';
import {
  GROUNDS,
  HostileHouse,
  LARGE,
  MEGABYTES,
  type Raw,
  sizes,
} from './harness/hostile-house.js';
import { get, type Peer } from './harness/peer.js';
import { until } from './harness/until.js';

const post = (framing: string, target = '/') =>
  `POST ${target} HTTP/1.1\r\nHost: test\r\n${framing}\r\n\r\n`;
const CHUNKED = 'Transfer-Encoding: chunked';
const length = (bytes: number) => `Content-Length: ${bytes}`;
const expecting = (bytes: number, target?: string) =>
  post(`${length(bytes)}\r\nExpect: 100-continue`, target);
const closes = (head: string) => /^connection: close$/im.test(head);
/** Nothing came, although it had the time to. */
const silence = async (peer: Peer) => {
  await sleep(60);
  expect(peer.bufferedBytes).toBe(0);
};

describe.each(GROUNDS)('framing of bodies (%s)', (_name, ground) => {
  const house = new HostileHouse(ground);
  const { serving, servingApp, connect, ask, expectIdle } = house;

  describe('trailers', () => {
    test('of a request are there once its body was read, without those that frame', async () => {
      const port = await serving(async (request, reply) => {
        const before = request.trailers.length;
        const text = await request.text();
        reply.json({ before, text, trailers: request.trailers });
      });
      const peer = await connect(port);
      const message = `${post(CHUNKED)}5\r\nhello\r\n0\r\nX-Sum: 7\r\nContent-Length: 3\r\nx-late: yes \r\n\r\n`;
      await peer.send(message + get('/'));
      expect(JSON.parse((await peer.response()).body.toString())).toEqual({
        before: 0,
        text: 'hello',
        trailers: [
          ['X-Sum', '7'],
          ['x-late', 'yes'],
        ],
      });
      expect((await peer.response()).status).toBe(200);
    });

    test('of a response follow its last chunk', async () => {
      const port = await serving((_request, reply) => {
        reply.header('Trailer', 'X-Sum').write('hello');
        reply.trailer('X-Sum', '7').trailer('X-Late', 'yes').end(' world');
      });
      const peer = await connect(port);
      for (let i = 0; i < 2; i++) {
        await peer.send(get('/'));
        const { body, trailers } = await peer.response();
        expect([body.toString(), trailers]).toEqual(['hello world', 'X-Sum: 7\r\nX-Late: yes']);
      }
    });

    test('go through: what came after the request goes out after the response', async () => {
      const port = await serving(async (request, reply) => {
        for await (const piece of request.body) if (!reply.write(piece)) await reply.drained();
        for (const [name, value] of request.trailers) reply.trailer(name, value);
        reply.end();
      });
      const peer = await connect(port);
      const body = LARGE.subarray(0, MEGABYTES);
      await peer.send(`${post(CHUNKED)}${body.length.toString(16)}\r\n`);
      await peer.send(body);
      await peer.send('\r\n0\r\nX-Digest: abc\r\n\r\n');
      const response = await peer.response();
      expect([response.body.equals(body), response.trailers]).toEqual([true, 'X-Digest: abc']);
    });

    test('that are too many, too long or wrong are refused', async () => {
      const port = await serving(sizes, { maxHeaderBytes: 1000, maxHeaders: 5 });
      for (const [trailers, status] of [
        ['X: y\r\n'.repeat(6), 431],
        [`X: ${'y'.repeat(1000)}\r\n`, 431],
        ['X Y: z\r\n', 400],
        ['X: y\n', 400],
      ] as const) {
        const peer = await connect(port);
        await peer.send(`${post(CHUNKED)}1\r\na\r\n0\r\n${trailers}\r\n`);
        expect([trailers.slice(0, 8), (await peer.response()).status]).toEqual([
          trailers.slice(0, 8),
          status,
        ]);
        expect(await peer.ended).toBe('fin');
        peer.close();
      }
      await expectIdle();
    });
  });

  describe('Expect', () => {
    test('is answered 100 when the handler first reads, not before', async () => {
      let read: () => void = () => {};
      const opened = new Promise<void>((resolve) => {
        read = resolve;
      });
      const port = await serving(async (request, reply) => {
        await opened;
        reply.text(await request.text());
      });
      const peer = await connect(port);
      await peer.send(expecting(5));
      await silence(peer);
      read();
      expect((await peer.response()).status).toBe(100);
      await silence(peer);
      await peer.send(`hello${get('/')}`);
      const { status, body, head } = await peer.response();
      expect([status, body.toString(), closes(head)]).toEqual([200, 'hello', false]);
    });

    test('is not answered 100 when the body comes without waiting', async () => {
      const port = await serving(sizes);
      const peer = await connect(port);
      await peer.send(`${expecting(5)}hello`);
      expect((await peer.response()).status).toBe(200);
    });

    test.each([
      ['raw', { raw: (_, reply) => reply.status(401).text('who are you?') }],
      ['fetch', { fetch: () => new Response('who are you?', { status: 401 }) }],
      [
        'a handler that throws',
        {
          raw: () => {
            throw new HttpServerError('BODY_INVALID', 'who are you?', 401);
          },
        },
      ],
    ] satisfies [string, { raw?: Raw; fetch?: () => Response }][])(
      'is refused by the app with a final status, without 100: %s',
      async (_how, app) => {
        const port = await servingApp({ ...app, onError: () => {} });
        const peer = await connect(port);
        await peer.send(expecting(50_000));
        const { status, head, body } = await peer.response();
        expect([status, closes(head), body.toString().trim()]).toEqual([401, true, 'who are you?']);
        expect(await peer.ended).toBe('fin');
        peer.close();
        await expectIdle();
      },
    );

    test.each([
      ['above every limit, without the handler', 2_000, [413, 0]],
      ['above the limit of this request, when it is read', 500, [413, 1]],
      ['within it', 100, [100, 1]],
    ])('a body %s: 413 without 100, or 100', async (_what, bytes, outcome) => {
      let calls = 0;
      const port = await serving(
        async (request, reply) => {
          calls++;
          request.maxBodyBytes = 100;
          reply.text(await request.text());
        },
        { maxBodyBytes: 10, maxRaisedBodyBytes: 1_000, onError: () => {} },
      );
      const peer = await connect(port);
      await peer.send(expecting(bytes));
      const { status, head } = await peer.response();
      expect([status, calls]).toEqual(outcome);
      if (status !== 100) {
        expect(closes(head)).toBe(true);
        expect(await peer.ended).toBe('fin');
      }
    });

    test('of anything else is answered 417, and that is all', async () => {
      const port = await serving(sizes);
      for (const what of ['200-ok', '100-continue, tea', 'tea=earl']) {
        const peer = await connect(port);
        await peer.send(post(`${length(5)}\r\nExpect: ${what}`));
        const { status, head } = await peer.response();
        expect([status, closes(head)]).toEqual([417, true]);
        expect(await peer.ended).toBe('fin');
        peer.close();
      }
      await expectIdle();
    });
  });

  describe('interim responses', () => {
    test('103 goes out at once, 100 with the first read, then the response', async () => {
      const port = await serving(async (request, reply) => {
        reply.informational(103, { Link: '</a.css>; rel=preload' });
        await sleep(30);
        const text = await request.text();
        reply.informational(102);
        await sleep(30);
        reply.text(text);
      });
      const peer = await connect(port);
      await peer.send(expecting(5));
      const hints = await peer.response();
      expect(hints.status).toBe(103);
      expect(hints.head).toMatch(/^Link: <\/a\.css>; rel=preload$/m);
      expect(hints.head).not.toMatch(/content-length|transfer-encoding/i);
      expect((await peer.response()).status).toBe(100);
      await peer.send('hello');
      expect((await peer.response()).status).toBe(102);
      expect((await peer.response()).body.toString()).toBe('hello');
    });

    test('of a fetch handler, for each of pipelined requests in its turn', async () => {
      const port = await servingApp({
        fetch: async (request, context) => {
          context.informational(103, { 'X-For': request.url.slice(-1) });
          await sleep(5);
          return new Response(request.url.slice(-1));
        },
      });
      const peer = await connect(port);
      await peer.send(get('/1') + get('/2'));
      const seen: string[] = [];
      for (let i = 0; i < 4; i++) {
        const { status, head, body } = await peer.response();
        seen.push(`${status} ${/X-For: (.)/.exec(head)?.[1] ?? body}`);
      }
      expect(seen).toEqual(['103 1', '200 1', '103 2', '200 2']);
    });

    test('are not sent to HTTP/1.0', async () => {
      const port = await serving((_request, reply) => {
        reply.informational(103);
        reply.text('old');
      });
      const peer = await connect(port);
      await peer.send('GET / HTTP/1.0\r\n\r\n');
      const { status, body } = await peer.response();
      expect([status, body.toString()]).toEqual([200, 'old']);
    });
  });

  describe('bounds', () => {
    test('a limit raised for one route holds there and nowhere else, for lengths and for chunks', async () => {
      const port = await serving(
        async (request, reply) => {
          if (request.path === '/upload') request.maxBodyBytes = 8 * MEGABYTES;
          reply.text(String((await request.bytes()).length));
        },
        { maxBodyBytes: 1_000, maxRaisedBodyBytes: 16 * MEGABYTES, onError: () => {} },
      );
      const body = LARGE.subarray(0, 8 * MEGABYTES);
      const inChunks = (bytes: Buffer) =>
        Buffer.concat([
          Buffer.from(`${bytes.length.toString(16)}\r\n`),
          bytes,
          Buffer.from('\r\n0\r\n\r\n'),
        ]);
      const good = await connect(port);
      await good.send(post(length(body.length), '/upload'));
      await good.send(body);
      expect((await good.response()).body.toString()).toBe(String(body.length));
      await good.send(post(CHUNKED, '/upload'));
      await good.send(inChunks(body));
      expect((await good.response()).body.toString()).toBe(String(body.length));
      for (const [target, bytes] of [
        ['/upload', body.length + 1],
        ['/other', 1_001],
      ] as const) {
        for (const framing of [length(bytes), CHUNKED]) {
          const peer = await connect(port);
          await peer.send(post(framing, target));
          const all = LARGE.subarray(0, bytes);
          await peer.send(framing === CHUNKED ? inChunks(all) : all);
          const { status, head } = await peer.response();
          expect([target, framing, status, closes(head)]).toEqual([target, framing, 413, true]);
          peer.close();
        }
      }
      expect(house.server.stats().limits).toEqual({ maxBodyBytes: 4 });
      good.close();
      await expectIdle();
    });
  });

  describe('a response with another length than it declared', () => {
    const errors: unknown[] = [];
    const onError = (error: unknown) => void errors.push((error as { code: string }).code);

    const wrong: Raw = async (request, reply) => {
      reply.header('Content-Length', '10');
      if (request.path === '/whole') reply.text('too short');
      else if (request.path === '/many') {
        reply.write('12345');
        await sleep(20);
        reply.write('678901');
      } else if (request.path === '/few') {
        reply.write('12345');
        await sleep(20);
        reply.end();
      } else {
        // Settles with half of it.
        reply.write('12345');
      }
    };

    test('is never taken for a whole one: what is too much is not sent, what is missing cuts the connection', async () => {
      errors.length = 0;
      const port = await serving(
        (request, reply) => (request.path === '/' ? reply.text('hello') : wrong(request, reply)),
        { onError, handlerTimeoutMs: 700 },
      );
      for (const target of ['/many', '/few', '/left']) {
        const peer = await connect(port);
        await peer.send(get(target) + get('/'));
        await expect(peer.response()).rejects.toThrow(
          /before a whole response:[\s\S]*\r\n\r\n12345$/,
        );
        expect(await ask(port)).toBe('hello');
      }
      expect(errors).toEqual(['LENGTH_MISMATCH', 'LENGTH_MISMATCH']);
      await expectIdle();
    });

    test('that ends with its connection, to HTTP/1.0, ends by a reset unless it is whole', async () => {
      const port = await serving(
        async (request, reply) => {
          reply.write('12345');
          await sleep(20);
          if (request.path === '/throws') throw new Error('broken');
          if (request.path === '/whole') reply.end();
        },
        { onError: () => {}, handlerTimeoutMs: 700 },
      );
      const ends: [string, string][] = [];
      const old = async (target: string) => {
        const peer = await connect(port);
        await peer.send(`GET ${target} HTTP/1.0\r\n\r\n`);
        return peer;
      };
      for (const target of ['/whole', '/throws', '/hangs']) {
        ends.push([target, await (await old(target)).ended]);
      }
      const last = await old('/closes');
      await until('the reply was begun', () => last.bufferedBytes > 0);
      await house.server.close({ drainTimeoutMs: 50 });
      ends.push(['/closes', await last.ended]);
      expect(ends).toEqual([
        ['/whole', 'fin'],
        ['/throws', 'reset'],
        ['/hangs', 'reset'],
        ['/closes', 'reset'],
      ]);
    });

    test('that is at hand is 500 instead, and the connection goes on', async () => {
      errors.length = 0;
      const port = await serving(
        (request, reply) => (request.path === '/' ? reply.text('hello') : wrong(request, reply)),
        { onError },
      );
      const peer = await connect(port);
      await peer.send(get('/whole') + get('/'));
      expect((await peer.response()).status).toBe(500);
      expect((await peer.response()).body.toString()).toBe('hello');
      expect(errors).toEqual(['LENGTH_MISMATCH']);
    });

    test('of a fetch stream is cut too', async () => {
      errors.length = 0;
      const port = await servingApp({
        onError,
        fetch: (request) =>
          new Response(
            new ReadableStream<Uint8Array>({
              async start(controller) {
                controller.enqueue(Buffer.from('12345'));
                await sleep(20);
                if (request.url.endsWith('/many')) controller.enqueue(Buffer.from('678901'));
                controller.close();
              },
            }) as never,
            { headers: { 'content-length': '10' } },
          ),
      });
      for (const target of ['/many', '/few']) {
        const peer = await connect(port);
        await peer.send(get(target));
        await expect(peer.response()).rejects.toThrow(/before a whole response/);
      }
      await until('both were told', () => errors.length === 2);
      expect(errors).toEqual(['LENGTH_MISMATCH', 'LENGTH_MISMATCH']);
      await expectIdle();
    });
  });
});
