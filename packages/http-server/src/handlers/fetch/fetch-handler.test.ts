import { inspect } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { http1 } from '../../protocol/index.js';
import { type MemoryConnection, MemoryRuntime } from '../../runtime/memory/index.js';
import type { OnError } from '../on-error.js';
import { FastResponse, installFastResponse } from './fast-response.js';
import { type FetchHandler, fetchHandler } from './fetch-handler.js';

const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';
const RealResponse = globalThis.Response;
const errors: unknown[] = [];

afterEach(() => {
  errors.length = 0;
});

function connect(handler: FetchHandler, onError: OnError = (error) => void errors.push(error)) {
  return new MemoryRuntime(http1({ handle: fetchHandler(handler, { onError }) })).connect();
}

const statuses = (peer: MemoryConnection): number[] =>
  [...peer.received.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => Number(match[1]));

/** Every test runs with Node's Response and with ours. */
const KINDS: readonly [string, typeof Response][] = [
  ["Node's Response", RealResponse],
  ['FastResponse', FastResponse as unknown as typeof Response],
];

describe.each(KINDS)('fetchHandler() with %s', (_name, Response) => {
  test('sends text with its length', async () => {
    const peer = await connect(() => new Response('Hello'))
      .send(GET + GET)
      .settle(20);
    expect(peer.received).toMatch(/Content-Length: 5\r\n/i);
    expect(peer.received.match(/\r\n\r\nHello/g)).toHaveLength(2);
    expect(peer.received).toMatch(/content-type: text\/plain; ?charset=utf-8/i);
    expect(peer.received).not.toMatch(/transfer-encoding/i);
  });

  test('sends bytes, JSON, redirects and nothing', async () => {
    const answers = [
      () => new Response(new Uint8Array([104, 105])),
      () => Response.json({ a: 1 }, { status: 201 }),
      () => Response.redirect('http://b/', 307),
      () => new Response(null, { status: 204 }),
      () => new Response(),
      () => new Response('x', { status: 404, headers: { 'Content-Type': 'text/css', 'X-A': 'b' } }),
      () => new Response(new URLSearchParams({ a: 'b' })),
    ];
    const peer = connect(() => answers.shift()!());
    await peer.send(GET.repeat(7)).settle(40);
    const replies = peer.received.split(/(?=HTTP\/1\.1)/);
    expect(replies.map((reply) => reply.slice(9, 12))).toEqual([
      '200',
      '201',
      '307',
      '204',
      '200',
      '404',
      '200',
    ]);
    expect(replies[0]).toMatch(/\r\n\r\nhi$/);
    expect(replies[1]).toMatch(/content-type: application\/json\r\n.*\r\n\r\n\{"a":1\}$/is);
    expect(replies[2]).toMatch(/location: http:\/\/b\/\r\n/i);
    expect(replies[3]).not.toMatch(/content-length/i);
    expect(replies[4]).toMatch(/content-length: 0/i);
    expect(replies[5]).toMatch(/x-a: b\r\ncontent-type: text\/css/i);
    expect(replies[6]).toMatch(/content-length: 3\r\n.*a=b$/is);
  });

  test('sends several Set-Cookie lines', async () => {
    const peer = connect(() => {
      const response = new Response('x');
      response.headers.append('Set-Cookie', 'a=1');
      response.headers.append('Set-Cookie', 'b=2');
      return response;
    });
    await peer.send(GET).settle();
    expect(peer.received.match(/set-cookie: [ab]=\d\r\n/g)).toHaveLength(2);
  });

  test("drops what is the connection's own business", async () => {
    const peer = connect(
      () =>
        new Response('abc', {
          headers: { 'transfer-encoding': 'x', connection: 'y', 'content-length': '99' },
        }),
    );
    await peer.send(GET + GET).settle(20);
    expect(statuses(peer)).toEqual([200, 200]);
    expect(peer.received.match(/content-length: 3\r\n/gi)).toHaveLength(2);
  });

  test('streams with back-pressure and chunks', async () => {
    let pulled = 0;
    const peer = connect(
      () =>
        new Response(
          new ReadableStream({
            async pull(controller) {
              await new Promise<void>((resolve) => setImmediate(resolve));
              pulled++;
              if (pulled > 50) controller.close();
              else controller.enqueue(new Uint8Array(10_000).fill(97));
            },
          }),
        ),
    );
    peer.reads = false;
    await peer.send(GET + GET.replace('/', '/none')).settle(40);
    expect(pulled).toBeLessThan(12);
    peer.reads = true;
    await peer.settle(200);
    expect(peer.received).toMatch(/transfer-encoding: chunked/i);
    expect(peer.received.match(/a{10000}/g)).toHaveLength(50);
  });

  test('sends a stream once: a response that was sent, and one that was begun, are answered 500', async () => {
    const streamOf = () =>
      new ReadableStream({
        start(controller) {
          controller.enqueue(Buffer.from('a'));
          controller.enqueue(Buffer.from('b'));
          controller.close();
        },
      });
    const shared = new Response(streamOf(), { headers: { 'X-A': 'b' } });
    const begun = new Response(streamOf());
    const reader = begun.body!.getReader();
    await reader.read();
    reader.releaseLock();
    const answers = [shared, shared, begun];
    const peer = await connect(() => answers.shift()!)
      .send(GET.repeat(3))
      .settle(40);
    expect(statuses(peer)).toEqual([200, 500, 500]);
    expect(peer.received).toMatch(/x-a: b\r\n/i);
    expect(errors.map((error) => (error as Error).name)).toEqual(['TypeError', 'TypeError']);
  });

  test('cancels the stream when the peer goes away, and for HEAD', async () => {
    const reasons: unknown[] = [];
    const peer = connect(
      () =>
        new Response(
          new ReadableStream({ pull() {}, cancel: (reason) => void reasons.push(reason) }),
        ),
    );
    await peer.send(GET).settle();
    peer.reset();
    await peer.settle();
    expect(reasons).toHaveLength(1);
    const head = connect(
      () =>
        new Response(
          new ReadableStream({ pull() {}, cancel: (reason) => void reasons.push(reason) }),
        ),
    );
    await head.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n').settle();
    expect(reasons).toHaveLength(2);
    expect(statuses(head)).toEqual([200]);
    expect(errors).toEqual([]);
  });

  test('cancels a stream that comes after the peer went away, though it never yields', async () => {
    const reasons: unknown[] = [];
    let answer = (_response: Response): void => {};
    const peer = connect(
      () =>
        new Promise<Response>((resolve) => {
          answer = resolve;
        }),
    );
    await peer.send(GET).settle();
    peer.reset();
    answer(
      new Response(
        new ReadableStream({ pull() {}, cancel: (reason) => void reasons.push(reason) }),
      ),
    );
    await peer.settle();
    expect(reasons).toMatchObject([{ code: 'PEER_GONE' }]);
    expect(errors).toEqual([]);
  });

  test('aborts when the stream fails after its first chunk, answers 500 before', async () => {
    for (const chunks of [1, 0]) {
      let sent = 0;
      const peer = connect(
        () =>
          new Response(
            new ReadableStream({
              async pull(controller) {
                await new Promise<void>((resolve) => setImmediate(resolve));
                if (sent++ < chunks) controller.enqueue(new Uint8Array(1));
                else controller.error(new Error('broken'));
              },
            }),
          ),
      );
      await peer.send(GET).settle(20);
      expect(errors).toMatchObject([{ message: 'broken' }]);
      errors.length = 0;
      if (chunks === 1) expect(peer.closed).toBe('aborted');
      else expect(statuses(peer)).toEqual([500]);
    }
  });

  test('replies from a promise', async () => {
    const peer = connect(async (request) => {
      await null;
      return new Response(`${request.method} ${request.url} ${request.headers.get('x-a')}`);
    });
    await peer.send('GET /p?q HTTP/1.1\r\nHost: a.example\r\nX-A: 1\r\nx-a: 2\r\n\r\n').settle(20);
    expect(peer.received).toMatch(/GET http:\/\/a\.example\/p\?q 1, 2$/);
  });

  test('asks onError for another Response', async () => {
    for (const handler of [
      () => {
        throw new Error('sync');
      },
      async () => {
        throw new Error('async');
      },
      () => 5 as never,
    ]) {
      const peer = connect(handler, () => new Response('sorry', { status: 503 }));
      await peer.send(GET + GET).settle(30);
      expect(statuses(peer)).toEqual([503, 503]);
      const plain = connect(handler);
      await plain.send(GET + GET).settle(30);
      expect(statuses(plain)).toEqual([500, 500]);
      expect(errors).toHaveLength(2);
      errors.length = 0;
    }
  });

  test('echoes a request body as a stream', async () => {
    const peer = connect((request) => new Response(request.body as never));
    const body = 'abc'.repeat(20_000);
    await peer
      .send(
        `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}${GET}`,
        5_000,
      )
      .settle(80);
    const plain = peer.received
      .replace(/\r\n[0-9a-f]+\r\n/g, '')
      .replace(/[0-9a-f]+\r\n(?=abc)/, '');
    expect(plain).toContain(body.slice(0, 10_000));
    expect(statuses(peer)).toEqual([200, 200]);
  });
});

describe('LazyRequest', () => {
  async function ask(text: string, look: (request: Request) => unknown): Promise<unknown> {
    let result: unknown;
    const peer = connect(async (request) => {
      result = await look(request);
      return new FastResponse('ok') as unknown as Response;
    });
    await peer.send(text).settle(20);
    expect(errors).toEqual([]);
    return result;
  }
  const post = (body: string, type = 'text/plain'): string =>
    `POST /p HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

  test('is a Request', async () => {
    expect(await ask(GET, (request) => request instanceof Request)).toBe(true);
    expect(await ask(GET, (request) => request.headers instanceof Headers)).toBe(true);
    expect(
      await ask(GET, (r) => [
        r.method,
        r.mode,
        r.redirect,
        r.body,
        r.bodyUsed,
        r.signal.aborted,
        r.keepalive,
      ]),
    ).toEqual(['GET', 'cors', 'follow', null, false, false, false]);
  });

  test.each([
    ['/a/b?c=d', 'a.example', 'http://a.example/a/b?c=d'],
    ['/a/../b', 'a.example', 'http://a.example/b'],
    ['/.%2e/b', 'a.example', 'http://a.example/b'],
    ['/./', 'a.example', 'http://a.example/'],
    ['/a.b.c', 'a.example', 'http://a.example/a.b.c'],
    ['/a"b', 'a.example', 'http://a.example/a%22b'],
    ["/?a'b", 'a.example', 'http://a.example/?a%27b'],
    ['/', 'A.Example', 'http://a.example/'],
    ['/', 'a:80', 'http://a/'],
    ['/', 'a:8080', 'http://a:8080/'],
    ['/', 'a:08080', 'http://a:8080/'],
    ['/', '127.1', 'http://127.0.0.1/'],
    ['/', '127.0.0.1:3000', 'http://127.0.0.1:3000/'],
    ['/', '0x7f.1', 'http://127.0.0.1/'],
    ['/', '[::1]:80', 'http://[::1]/'],
    ['//x/y', 'a', 'http://a//x/y'],
    ['http://b/c', 'a', 'http://b/c'],
    ['/\\x', 'a', 'http://a//x'],
  ])('makes of %j at %j the URL %j', async (target, host, url) => {
    const text = `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    expect(await ask(text, (request) => request.url)).toBe(url);
    expect(new URL(url).href).toBe(url);
  });

  test('can be looked at with console.log', async () => {
    const peer = connect(
      (request) => new RealResponse(`${inspect(request)}${inspect(request.headers)}`),
    );
    const { received } = await peer.send(GET.replace('\r\n\r\n', '\r\nX-A: b\r\n\r\n')).settle();
    expect(received).toContain("url: 'http://a.example/'");
    expect(received.match(/Headers \{ host: 'a\.example', 'x-a': 'b' \}/g)).toHaveLength(2);
  });

  test('answers 400 when host and target make no URL', async () => {
    const peer = connect((request) => new FastResponse(request.url) as unknown as Response);
    await peer.send('GET / HTTP/1.1\r\nHost: a%\r\n\r\n').settle();
    expect(statuses(peer)).toEqual([400]);
  });

  test('reads bodies in every way', async () => {
    expect(await ask(post('abc'), (r) => r.text())).toBe('abc');
    expect(await ask(post('{"a":1}'), (r) => r.json())).toEqual({ a: 1 });
    expect(await ask(post('abc'), async (r) => (await r.arrayBuffer()).byteLength)).toBe(3);
    expect(
      await ask(post('abc'), async (r) => [
        (await r.blob()).size,
        (await r.blob().catch(() => null)) === null,
      ]),
    ).toEqual([3, true]);
    expect(
      await ask(post('a=b&c=d', 'application/x-www-form-urlencoded'), async (r) => [
        ...(await r.formData()),
      ]),
    ).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    expect(
      await ask(post('abc'), async (r) => {
        let text = '';
        for await (const chunk of r.body as never as AsyncIterable<Uint8Array>)
          text += Buffer.from(chunk);
        return text;
      }),
    ).toBe('abc');
  });

  test('clones', async () => {
    expect(
      await ask(post('abc'), async (r) => {
        const clone = r.clone();
        return [await r.text(), await clone.text(), clone.headers.get('content-type'), r.bodyUsed];
      }),
    ).toEqual(['abc', 'abc', 'text/plain', true]);
  });

  test('can be the start of another Request', async () => {
    expect(await ask(GET, (r) => new Request('http://b/', r).url)).toBe('http://b/');
    expect(await ask(GET, (r) => new Headers(r.headers).get('host'))).toBe('a.example');
  });

  test('has immutable headers that iterate sorted and combined', async () => {
    const text = 'GET / HTTP/1.1\r\nHost: a\r\nX-B: 1\r\nAccept: c\r\nx-b: 2\r\n\r\n';
    expect(await ask(text, (r) => [...r.headers])).toEqual([
      ['accept', 'c'],
      ['host', 'a'],
      ['x-b', '1, 2'],
    ]);
    expect(
      await ask(text, (r) => [
        r.headers.has('X-B'),
        r.headers.get('none'),
        [...r.headers.keys()].length,
      ]),
    ).toEqual([true, null, 3]);
    connect((r) => {
      r.headers.set('a', 'b');
      return RealResponse.error();
    })
      .send(GET)
      .run();
    await null;
    expect(errors).toMatchObject([{ name: 'TypeError' }]);
    errors.length = 0;
  });

  test('keeps method, URL and headers for work after the response', async () => {
    const late: unknown[] = [];
    const peer = connect((request, context) => {
      context.waitUntil(
        (async () => {
          await new Promise<void>((resolve) => setImmediate(resolve));
          late.push(request.url, request.headers.get('host'));
        })().catch((error) => void late.push(error.code)),
      );
      context.waitUntil(Promise.reject(new Error('late')));
      return new FastResponse('ok') as unknown as Response;
    });
    await peer.send(GET + GET).settle();
    expect(late.slice(0, 2)).toEqual(['http://a.example/', 'a.example']);
    expect(errors).toHaveLength(2);
    errors.length = 0;
  });
});

describe('FastResponse', () => {
  const Fast = FastResponse as unknown as typeof Response;

  test('is a Response, and so is what fetch returns, once installed', () => {
    expect(new Fast() instanceof RealResponse).toBe(true);
    const restore = installFastResponse();
    try {
      expect(new Response('x') instanceof Response).toBe(true);
      expect(new RealResponse('x') instanceof Response).toBe(true);
      expect(new Response('x')).toBeInstanceOf(FastResponse);
      class Mine extends Response {}
      expect(new Mine('x') instanceof Mine).toBe(true);
      expect(new Response('x') instanceof Mine).toBe(false);
    } finally {
      restore();
    }
    expect(Response).toBe(RealResponse);
  });

  test('agrees with the real one in every member', async () => {
    const cases: readonly [unknown, ResponseInit | undefined][] = [
      [undefined, undefined],
      ['text', undefined],
      [
        'tëxt',
        { status: 201, statusText: 'Made', headers: { 'X-A': ' b ', 'content-type': 'a/b' } },
      ],
      ['x', { headers: [['a', 'b']] }],
      ['x', { headers: new Headers({ 'Set-Cookie': 'a' }) }],
      [new Uint8Array([1, 2]), { status: 500 }],
      [new Uint8Array([1, 2]).buffer, undefined],
      [new Blob(['b'], { type: 'c/d' }), undefined],
      [new URLSearchParams('a=b'), undefined],
      [5, undefined],
      [null, { status: 204 }],
    ];
    for (const [body, init] of cases) {
      const describe = async (Class: typeof Response): Promise<unknown> => {
        const make = (): Response => new Class(body as never, init);
        const response = make();
        const clone = response.clone();
        return [
          response.status,
          response.statusText,
          response.ok,
          response.type,
          response.url,
          response.redirected,
          [...response.headers],
          response.bodyUsed,
          await response.text(),
          response.bodyUsed,
          await response.text().then(
            () => 'read',
            (error) => error.name,
          ),
          await clone.text(),
          (await make().arrayBuffer()).byteLength,
          (await make().blob()).type,
          make().body === null,
        ];
      };
      expect(await describe(Fast)).toEqual(await describe(RealResponse));
    }
    expect(await Fast.json({ a: 1 }).json()).toEqual({ a: 1 });
    expect(Fast.json(1, { headers: { 'content-type': 'x/y' } }).headers.get('content-type')).toBe(
      'x/y',
    );
    expect(Fast.json(1, { headers: [['a', 'b']] }).headers.get('content-type')).toBe(
      'application/json',
    );
    expect(Fast.error().type).toBe('error');
  });

  test.each([
    [() => new Fast('x', { status: 199 }), RangeError],
    [() => new Fast('x', { status: 600 }), RangeError],
    [() => new Fast('x', { status: 204 }), TypeError],
    [() => new Fast('x', { headers: { 'a b': 'c' } }), TypeError],
    [() => new Fast('x', { headers: { a: 'b\r\nc' } }), TypeError],
    [() => new Fast('x', { statusText: 'a\n' }), TypeError],
    [() => Fast.json(undefined), TypeError],
    [() => Fast.redirect('/', 200 as never), RangeError],
  ])('refuses what the standard refuses: %s', (make, kind) => {
    expect(make).toThrow(kind);
  });
});
