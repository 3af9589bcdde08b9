import { describe, expect, test, vi } from 'vitest';
import type { HttpReply, HttpRequest } from '../../exchange/index.js';
import { rawHandler } from '../../handlers/raw.js';
import { type MemoryConnection, MemoryRuntime } from '../../runtime/memory/index.js';
import type { Left } from '../../sans-io/left.js';
import type { Orbit } from '../../sans-io/orbit.js';
import { type Http1Options, http1 } from './http1.js';

type Handler = (request: HttpRequest, reply: HttpReply) => void | Promise<void>;

const DATE = 'Date: Sun, 06 Nov 1994 08:49:37 GMT';
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

function runtimeOf(handler: Handler, options: Partial<Http1Options> = {}): MemoryRuntime {
  return new MemoryRuntime(
    http1({ handle: rawHandler(handler, { onError: () => {} }), ...options }),
  );
}

function connect(handler: Handler, options: Partial<Http1Options> = {}): MemoryConnection {
  return runtimeOf(handler, options).connect();
}

const hello: Handler = (_request, reply) => reply.text('Hello, World!');

/** A reply read back from the wire. */
interface Reply {
  readonly status: number;
  readonly fields: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Reads replies to requests of `methods`, strictly; what is left over is the last element. */
function repliesOf(wire: string, methods: readonly string[] = []): [...Reply[]] {
  const replies: Reply[] = [];
  let rest = wire;
  while (rest.length > 0) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) throw new Error(`no head in ${JSON.stringify(rest)}`);
    const [start, ...lines] = rest.slice(0, end).split('\r\n');
    const match = /^HTTP\/1\.1 (\d{3}) ([ -~]*)$/.exec(start ?? '');
    if (match === null) throw new Error(`no status line in ${JSON.stringify(start)}`);
    const status = Number(match[1]);
    const fields: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(': ');
      const name = line.slice(0, colon).toLowerCase();
      if (name in fields && name !== 'set-cookie') throw new Error(`twice: ${line}`);
      fields[name] =
        name in fields ? `${fields[name]}|${line.slice(colon + 2)}` : line.slice(colon + 2);
    }
    rest = rest.slice(end + 4);
    let body = '';
    const method = methods[replies.filter((reply) => reply.status >= 200).length] ?? 'GET';
    const bodyless = method === 'HEAD' || status < 200 || status === 204 || status === 304;
    if (bodyless) {
      // Nothing follows.
    } else if (fields['transfer-encoding'] === 'chunked') {
      for (;;) {
        const size = Number.parseInt(/^([0-9a-f]+)\r\n/.exec(rest)?.[1] ?? 'x', 16);
        const from = rest.indexOf('\r\n') + 2;
        if (size === 0) {
          const trailers = rest.slice(from, rest.indexOf('\r\n\r\n', from - 2) + 2);
          if (trailers.length > 2) fields.trailers = trailers.trim();
          rest = rest.slice(rest.indexOf('\r\n\r\n', from - 2) + 4);
          break;
        }
        if (!(size > 0)) throw new Error(`bad chunk in ${JSON.stringify(rest)}`);
        body += rest.slice(from, from + size);
        rest = rest.slice(from + size + 2);
      }
    } else {
      const length = fields['content-length'];
      body = length === undefined ? rest : rest.slice(0, Number(length));
      rest = rest.slice(body.length);
    }
    replies.push({ status, fields, body });
  }
  return replies;
}

const statuses = (peer: MemoryConnection): number[] =>
  repliesOf(peer.received).map((r) => r.status);

describe('Http1Connection.receive()', () => {
  test('answers a request and keeps the connection', () => {
    const peer = connect(hello).send(GET).run();
    expect(peer.received).toBe(
      `HTTP/1.1 200 OK\r\n${DATE}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 13\r\n\r\nHello, World!`,
    );
    expect(peer.left.ended).toBe(false);
    peer.send(GET).run();
    expect(statuses(peer)).toEqual([200, 200]);
  });

  test('answers the same at every split point', () => {
    const text = 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello';
    for (let at = 1; at < text.length; at++) {
      const peer = connect((request, reply) => reply.text(`${request.method} ${request.path}`));
      peer.send(text + GET, [at]).run();
      expect(repliesOf(peer.received).map((r) => r.body)).toEqual(['POST /x', 'GET /']);
    }
  });

  test('coalesces the replies to 1 to 20 pipelined requests, in order', () => {
    for (let n = 1; n <= 20; n++) {
      const peer = connect((request, reply) => reply.text(request.path));
      const paths = Array.from({ length: n }, (_, i) => `/${i}`);
      peer.send(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join('')).run();
      expect(repliesOf(peer.received).map((r) => r.body)).toEqual(paths);
      expect(peer.left.writes).toBe(n);
    }
  });

  test('keeps the order when a slow handler is followed by fast ones, and holds the rest back', async () => {
    let release: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const seen: string[] = [];
    const peer = connect(async (request, reply) => {
      const { path } = request;
      seen.push(path);
      if (path === '/slow') await gate;
      reply.text(path);
    });
    peer.send(
      '/slow /b /c'
        .split(' ')
        .map((p) => `GET ${p} HTTP/1.1\r\nHost: a\r\n\r\n`)
        .join(''),
    );
    await peer.settle();
    expect(seen).toEqual(['/slow']);
    expect(peer.left.paused).toBe(true);
    expect(peer.received).toBe('');
    release();
    await peer.settle();
    expect(repliesOf(peer.received).map((r) => r.body)).toEqual(['/slow', '/b', '/c']);
  });

  test('never answers what follows a request with close or an error', () => {
    const close = 'GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
    const peer = connect(hello)
      .send(close + GET + GET)
      .run();
    expect(statuses(peer)).toEqual([200]);
    expect(peer.closed).toBe('ended');
    expect(peer.pendingBytes).toBe(0);
    expect(statuses(connect(hello).send(`GET /x\r\n\r\n${GET}`).run())).toEqual([400]);
  });

  test('ignores up to two empty lines before a request', () => {
    expect(statuses(connect(hello).send(`\r\n${GET}\r\n\r\n${GET}`, 1).run())).toEqual([200, 200]);
    expect(statuses(connect(hello).send(`\r\n\r\n\r\n${GET}`).run())).toEqual([400]);
    expect(statuses(connect(hello).send(`\n${GET}`).run())).toEqual([400]);
    expect(statuses(connect(hello).send(`\r${GET}`).run())).toEqual([400]);
  });

  // One line per status this protocol answers by itself.
  test.each([
    [400, 'GET / HTTP/1.1\r\n\r\n'],
    [413, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2097153\r\n\r\n'],
    [414, `GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`],
    [417, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: tea\r\n\r\n'],
    [431, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(17_000)}\r\n\r\n`],
    [501, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
    [501, 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'],
    [501, 'TRACE / HTTP/1.1\r\nHost: a\r\n\r\n'],
    [505, 'GET / HTTP/2.0\r\nHost: a\r\n\r\n'],
    [505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ])('answers %i with a reason and Connection: close', (status, text) => {
    for (const splits of ['none', 1] as const) {
      const peer = connect(hello).send(text, splits).run();
      const [reply, ...more] = repliesOf(peer.received);
      expect(more).toEqual([]);
      expect(reply?.status).toBe(status);
      expect(reply?.fields.connection).toBe('close');
      expect(reply?.fields['content-type']).toBe('text/plain; charset=utf-8');
      expect(reply?.body.length).toBeGreaterThan(10);
      expect(peer.closed).toBe('ended');
    }
  });

  test('refuses a request line without end before it is complete', () => {
    const peer = connect(hello);
    for (let i = 0; i < 20; i++)
      peer.send('/'.repeat(1000).replace('/', i === 0 ? 'GET /' : '/')).run();
    expect(statuses(peer)).toEqual([414]);
    expect(peer.keptBytesMax).toBeLessThan(16_384);
  });

  test('looks at a head that comes byte by byte a constant number of times', () => {
    const head = `GET / HTTP/1.1\r\nHost: a\r\n${`X: ${'y'.repeat(150)}\r\n`.repeat(95)}\r\n`;
    const peer = connect(hello).send(head, 1);
    const before = performance.now();
    peer.run();
    expect(statuses(peer)).toEqual([200]);
    // Quadratic work would take minutes; the copying of the test's own runtime is the rest.
    expect(performance.now() - before).toBeLessThan(5_000);
  });

  test('answers OPTIONS * for the whole server', () => {
    const handler = vi.fn();
    const peer = connect(handler).send('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n').run();
    expect(statuses(peer)).toEqual([204]);
    expect(handler).not.toHaveBeenCalled();
  });

  test('sends no body and keeps the length in reply to HEAD', () => {
    const peer = connect((request, reply) => {
      if (request.path === '/missing') reply.status(404).text('not here');
      else if (request.path === '/stream') {
        reply.write('abc');
        reply.end('def');
      } else if (request.path === '/large') reply.bytes(new Uint8Array(100_000));
      else if (request.path === '/length') reply.header('Content-Length', 12).empty();
      else reply.text('Hello');
    });
    const paths = ['/', '/missing', '/stream', '/large', '/length'];
    peer.send(paths.map((p) => `HEAD ${p} HTTP/1.1\r\nHost: a\r\n\r\n`).join('')).run();
    const replies = repliesOf(peer.received, Array(5).fill('HEAD'));
    expect(
      replies.map((r) => [r.status, r.fields['content-length'], r.fields['transfer-encoding']]),
    ).toEqual([
      [200, '5', undefined],
      [404, '8', undefined],
      [200, undefined, 'chunked'],
      [200, '100000', undefined],
      [200, '12', undefined],
    ]);
    expect(peer.left.ended).toBe(false);
  });

  test('sends neither body nor length with 204 and 304, and no body with 205', () => {
    const peer = connect((request, reply) => {
      reply.status(Number(request.query));
      if (request.path === '/length') reply.header('Content-Length', 7).empty();
      else if (request.path === '/stream') {
        reply.write('x');
        reply.end();
      } else reply.text('dropped');
    });
    for (const target of [
      '/?204',
      '/?304',
      '/?205',
      '/stream?204',
      '/stream?304',
      '/stream?205',
      '/length?304',
    ]) {
      peer.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`).run();
    }
    peer.send(GET.replace('/', '/?200')).run();
    const replies = repliesOf(peer.received);
    expect(
      replies.map((r) => [
        r.status,
        r.fields['content-length'],
        r.fields['transfer-encoding'],
        r.body,
      ]),
    ).toEqual([
      [204, undefined, undefined, ''],
      [304, undefined, undefined, ''],
      [205, '0', undefined, ''],
      [204, undefined, undefined, ''],
      [304, undefined, undefined, ''],
      [205, '0', undefined, ''],
      [304, '7', undefined, ''],
      [200, '7', undefined, 'dropped'],
    ]);
  });

  test('closes after HTTP/1.0 unless asked to stay, and then says so', () => {
    const plain = connect(hello).send('GET / HTTP/1.0\r\n\r\n').run();
    expect(repliesOf(plain.received)[0]?.fields.connection).toBe('close');
    expect(plain.closed).toBe('ended');
    const asked = connect(hello).send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n').run();
    const [reply] = repliesOf(asked.received);
    expect([reply?.fields.connection, reply?.fields['content-length']]).toEqual([
      'keep-alive',
      '13',
    ]);
    expect(asked.left.ended).toBe(false);
  });

  test('streams to HTTP/1.0 until it closes, without chunks', () => {
    const peer = connect((_request, reply) => {
      reply.write('a');
      reply.end('b');
    })
      .send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
      .run();
    const [reply] = repliesOf(peer.received);
    expect([reply?.body, reply?.fields['transfer-encoding'], reply?.fields.connection]).toEqual([
      'ab',
      undefined,
      'close',
    ]);
    expect(peer.closed).toBe('ended');
  });

  test('ends a connection after its last allowed request', () => {
    const peer = connect(hello, { maxRequestsPerConnection: 3 }).send(GET.repeat(5)).run();
    expect(repliesOf(peer.received).map((r) => r.fields.connection)).toEqual([
      undefined,
      undefined,
      'close',
    ]);
    expect(peer.closed).toBe('ended');
  });
});

describe('Http1Connection and Expect', () => {
  const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n';

  test('sends 100 when the handler first reads, then the reply', async () => {
    let read: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      read = resolve;
    });
    const peer = connect(async (request, reply) => {
      await gate;
      reply.text(await request.text());
    }).send(post);
    await peer.settle();
    expect(peer.received).toBe('');
    read();
    await peer.settle();
    expect(peer.takeReceived()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    await peer.send('hello').settle();
    expect(repliesOf(peer.received)[0]?.body).toBe('hello');
    expect(peer.left.ended).toBe(false);
  });

  test('skips 100 when the body is there already', async () => {
    const peer = connect(async (request, reply) => reply.text(await request.text())).send(
      `${post}hello`,
    );
    await peer.settle();
    expect(statuses(peer)).toEqual([200]);
  });

  test('sends the final status alone and closes when the body is not wanted', async () => {
    for (const handler of [
      (_: HttpRequest, reply: HttpReply) => reply.status(401).text('no'),
      async (_: HttpRequest, reply: HttpReply) => {
        await null;
        reply.status(401).text('no');
      },
    ]) {
      const peer = await connect(handler).send(post).settle();
      const [reply] = repliesOf(peer.received);
      expect([reply?.status, reply?.fields.connection]).toEqual([401, 'close']);
      expect(peer.closed).toBe('ended');
    }
    const large = await connect(hello, { maxBodyBytes: 4 }).send(post).settle();
    expect(statuses(large)).toEqual([413]);
  });

  test('sends no 100 without a body, and none to HTTP/1.0', async () => {
    const echo: Handler = async (request, reply) => reply.text(await request.text());
    const peer = connect(echo).send('GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n');
    expect(statuses(await peer.settle())).toEqual([200]);
    const old = connect(echo).send('POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: x\r\n\r\n');
    await old.settle();
    expect(old.received).toBe('');
    expect(statuses(await old.send('a').settle())).toEqual([200]);
  });
});

describe('Http1Connection and replies', () => {
  test('writes fields in order, several Set-Cookie lines, and Date unless the handler has one', () => {
    const peer = connect((_request, reply) => {
      reply
        .header('X-A', '1')
        .header('Set-Cookie', ['a=1', 'b=2'])
        .append('set-cookie', 'c=3')
        .header('x-a', '2')
        .header('Content-Type', 'text/css')
        .text('body');
    })
      .send(GET)
      .run();
    expect(peer.received).toBe(
      `HTTP/1.1 200 OK\r\n${DATE}\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nset-cookie: c=3\r\nx-a: 2\r\nContent-Type: text/css\r\nContent-Length: 4\r\n\r\nbody`,
    );
    const dated = connect((_request, reply) => reply.header('date', 'now').empty())
      .send(GET)
      .run();
    expect(dated.received).toBe('HTTP/1.1 200 OK\r\ndate: now\r\nContent-Length: 0\r\n\r\n');
  });

  test('sends text of every size and alphabet with its length in bytes', () => {
    for (const text of [
      '',
      'a',
      'é',
      'a€',
      '😀'.repeat(30),
      'x'.repeat(64),
      'x'.repeat(65),
      'é'.repeat(65),
      'x'.repeat(5000),
      'é'.repeat(8000),
      'x'.repeat(16_384),
      '€'.repeat(100_000),
    ]) {
      const peer = connect((_request, reply) => reply.text(text))
        .send(GET + GET)
        .run();
      const body = Buffer.from(text).toString('latin1');
      expect(repliesOf(peer.received).map((r) => r.body === body)).toEqual([true, true]);
    }
  });

  test('sends heads larger than one reservation', () => {
    const value = 'v'.repeat(6000);
    for (const streamed of [false, true]) {
      const peer = connect((_request, reply) => {
        reply.header('A', value).header('B', value).header('C', value);
        if (streamed) reply.end('x');
        else reply.text('x');
      })
        .send(GET)
        .run();
      expect(repliesOf(peer.received)[0]?.fields.c).toBe(value);
    }
  });

  test('streams in chunks with trailers', async () => {
    const peer = connect(async (_request, reply) => {
      reply.write('ab');
      await null;
      reply.write(new Uint8Array([0x63]));
      reply.write('');
      reply.trailer('X-Sum', '3').end('d'.repeat(70_000));
    });
    await peer.send(GET + GET).settle();
    for (const reply of repliesOf(peer.received)) {
      expect(reply.body).toBe(`abc${'d'.repeat(70_000)}`);
      expect(reply.fields.trailers).toBe('X-Sum: 3');
    }
    expect(statuses(peer)).toEqual([200, 200]);
  });

  test('sends each chunk as it is written', async () => {
    let go: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const peer = connect(async (_request, reply) => {
      reply.write('first');
      await gate;
      reply.end();
    });
    await peer.send(GET).settle();
    expect(peer.received).toContain('5\r\nfirst\r\n');
    go();
    await peer.settle();
    expect(repliesOf(peer.received)[0]?.body).toBe('first');
  });

  test('streams with a declared length without chunks', () => {
    const peer = connect((_request, reply) => {
      reply.header('content-length', 4).write('ab');
      reply.end('cd');
    })
      .send(GET)
      .run();
    expect(peer.received).toMatch(/Content-Length: 4\r\n\r\nabcd$/);
  });

  test('aborts when more or fewer bytes come than were declared', async () => {
    for (const wrong of ['abc', 'abcde']) {
      const errors: unknown[] = [];
      const runtime = new MemoryRuntime(
        http1({
          handle: rawHandler(
            (_request, reply) => {
              reply.header('Content-Length', 4).write(wrong.slice(0, 2));
              reply.end(wrong.slice(2));
            },
            { onError: (error) => errors.push(error) },
          ),
        }),
      );
      const peer = await runtime
        .connect()
        .send(GET + GET)
        .settle();
      expect(peer.closed).toBe('aborted');
      expect(errors).toMatchObject([{ code: 'LENGTH_MISMATCH' }]);
    }
    const whole = connect((_request, reply) => reply.header('Content-Length', 4).text('abc'))
      .send(GET)
      .run();
    expect(statuses(whole)).toEqual([500]);
  });

  test('answers 500 when the handler throws before the head, and stays', async () => {
    for (const handler of [
      () => {
        throw new Error('boom');
      },
      async () => {
        await null;
        throw new Error('boom');
      },
      async () => {},
    ]) {
      const peer = await connect(handler)
        .send(GET + GET)
        .settle();
      expect(statuses(peer)).toEqual([500, 500]);
      expect(peer.received).not.toContain('boom');
    }
  });

  test('aborts when the handler throws after the head', async () => {
    const peer = connect(async (_request, reply) => {
      reply.write('half');
      await null;
      throw new Error('boom');
    });
    await peer.send(GET + GET).settle();
    expect(peer.closed).toBe('aborted');
    expect(peer.received).not.toContain('0\r\n\r\n');
  });

  test('sends interim responses to HTTP/1.1 only', () => {
    const handler: Handler = (_request, reply) => {
      reply.informational(103, { Link: '</a.css>; rel=preload' });
      reply.text('ok');
    };
    const peer = connect(handler).send(GET).run();
    expect(statuses(peer)).toEqual([103, 200]);
    expect(peer.received).toMatch(
      /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload\r\n\r\n/,
    );
    expect(statuses(connect(handler).send('GET / HTTP/1.0\r\n\r\n').run())).toEqual([200]);
  });

  test('lets the handler close with Connection: close', () => {
    const peer = connect((_request, reply) => reply.header('Connection', 'close').text('bye'))
      .send(GET + GET)
      .run();
    expect(repliesOf(peer.received).map((r) => r.fields.connection)).toEqual(['close']);
    expect(peer.closed).toBe('ended');
  });

  test('refuses what would split or frame the message', () => {
    const thrown: unknown[] = [];
    const attempt = (work: () => unknown): void => {
      try {
        work();
      } catch (error) {
        thrown.push(error);
      }
    };
    connect((_request, reply) => {
      attempt(() => reply.header('X', 'a\r\nb'));
      attempt(() => reply.header('X', 'a\0'));
      attempt(() => reply.header('X', '€'));
      attempt(() => reply.header('X\r\n', 'a'));
      attempt(() => reply.header('', 'a'));
      attempt(() => reply.header('Transfer-Encoding', 'chunked'));
      attempt(() => reply.append('Upgrade', 'x'));
      attempt(() => reply.trailer('X', 'a\nb'));
      attempt(() => reply.header('Content-Length', '5a'));
      attempt(() => reply.header('Content-Length', -1));
      attempt(() => reply.status(99));
      attempt(() => reply.status(1000));
      attempt(() => reply.informational(101));
      attempt(() => reply.json(undefined));
      reply.end();
    })
      .send(GET)
      .run();
    expect(thrown.map((error) => (error as Error).constructor)).toEqual([
      ...Array(8).fill(TypeError),
      ...Array(5).fill(RangeError),
      TypeError,
    ]);
  });

  test('caches the date until the clock has a new one', () => {
    const runtime = runtimeOf(hello);
    const peer = runtime.connect().send(GET).run();
    runtime.clock.set(999);
    peer.send(GET).run();
    runtime.clock.set(1000);
    peer.send(GET).run();
    expect(repliesOf(peer.received).map((r) => r.fields.date?.slice(23, 25))).toEqual([
      '37',
      '37',
      '38',
    ]);
  });
});

describe('HttpRequest and HttpReply after their exchange', () => {
  test('throw and never touch the next request', async () => {
    const kept: { request: HttpRequest; reply: HttpReply }[] = [];
    const peer = connect((request, reply) => {
      kept.push({ request, reply });
      if (request.path !== '/pending') reply.text('ok');
    });
    peer.send(GET).send('GET /pending HTTP/1.1\r\nHost: a\r\n\r\n').run();
    const [first] = kept;
    expect(() => first?.reply.text('late')).toThrow('over');
    expect(() => first?.reply.write('late')).toThrow('over');
    expect(() => first?.reply.header('a', 'b')).toThrow('over');
    expect(() => first?.request.path).toThrow('over');
    expect(() => first?.request.body).toThrow('over');
    expect(first?.reply.finished).toBe(true);
    expect(statuses(peer)).toEqual([200]);
    kept[1]?.reply.text('now');
    expect(kept[1]?.request.path).toBe('/pending');
    expect(() => kept[1]?.reply.text('twice')).toThrow('already');
    peer.run();
    expect(statuses(peer)).toEqual([200, 200]);
    peer.reset();
    expect(() => kept[1]?.request.path).toThrow('over');
  });

  test('go nowhere, quietly, when the peer went away or a limit ended the exchange', async () => {
    const ways: ((peer: MemoryConnection, runtime: MemoryRuntime) => void)[] = [
      (peer) => peer.reset(),
      (_peer, runtime) => runtime.advance(10_000),
    ];
    for (const way of ways) {
      const outcome: unknown[] = [];
      let kept: { request: HttpRequest; reply: HttpReply } | undefined;
      const runtime = runtimeOf(
        (request, reply) => {
          kept = { request, reply };
        },
        { handlerTimeoutMs: 10_000 },
      );
      const peer = runtime.connect().send('GET /lost HTTP/1.1\r\nHost: a\r\n\r\n').run();
      if (kept === undefined) throw new Error('not called');
      const { request, reply } = kept;
      way(peer, runtime);
      await peer.settle();
      const before = peer.received;
      outcome.push(reply.finished, request.live, request.path, request.signal.aborted);
      outcome.push(reply.status(201).header('a', 'b').write('x'), reply.end('y'), reply.text('z'));
      outcome.push(await reply.drained().catch((error) => error.code));
      expect(outcome).toEqual([
        true,
        false,
        '/lost',
        true,
        false,
        undefined,
        undefined,
        'PEER_GONE',
      ]);
      expect(peer.received).toBe(before);
    }
  });

  test('keep a retained head', () => {
    const kept: HttpRequest[] = [];
    const peer = connect((request, reply) => {
      kept.push(request.retain());
      reply.text('ok');
    });
    peer
      .send('GET /a?b HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n')
      .run();
    expect(kept.map((r) => r.target)).toEqual(['/a?b', '/c']);
    expect(kept[0]?.rawHeaders).toEqual(['Host', 'a', 'X', 'y']);
    expect([...(kept[0] ?? [])]).toEqual([
      ['Host', 'a'],
      ['X', 'y'],
    ]);
  });

  test('stay readable while the handler runs, also after the reply', async () => {
    const paths: string[] = [];
    const peer = connect(async (request, reply) => {
      reply.text('ok');
      paths.push(request.path);
      await null;
      paths.push(request.header('host') ?? '');
    });
    await peer.send(GET).settle();
    expect(paths).toEqual(['/', 'a']);
  });
});

describe('Http1Connection at the end', () => {
  test('closes silently when nothing or whole requests came before FIN', () => {
    const empty = connect(hello).fin().run();
    expect([empty.received, empty.closed]).toEqual(['', 'ended']);
    const one = connect(hello).send(GET).fin().run();
    expect([statuses(one), one.closed]).toEqual([[200], 'ended']);
  });

  test('answers 400 to a head that FIN cut off', () => {
    const peer = connect(hello).send('GET / HTTP/1.1\r\nHo').fin().run();
    expect([statuses(peer), peer.closed]).toEqual([[400], 'ended']);
  });

  test('delivers the reply after a half-close', async () => {
    const peer = connect(async (_request, reply) => {
      await new Promise<void>((resolve) => setImmediate(resolve));
      reply.text('late');
    });
    await peer.send(GET).fin().settle();
    expect(repliesOf(peer.received)[0]).toMatchObject({
      body: 'late',
      fields: { connection: 'close' },
    });
    expect(peer.closed).toBe('ended');
  });

  test('aborts the signal and fails body and writer when the peer resets', async () => {
    const outcomes: unknown[] = [];
    const peer = connect(async (request, reply) => {
      request.signal.addEventListener('abort', () => outcomes.push('signal'));
      try {
        await request.text();
      } catch (error) {
        outcomes.push((error as { code: string }).code);
      }
      expect(reply.finished).toBe(true);
    });
    await peer.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab').settle();
    peer.reset();
    await peer.settle();
    expect(outcomes).toEqual(['signal', 'PEER_GONE']);
  });

  test('shuts down: idle at once, busy with Connection: close', async () => {
    let go: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const runtime = runtimeOf(async (_request, reply) => {
      await gate;
      reply.text('done');
    });
    const idle = runtime.connect().run();
    const partial = runtime.connect().send('GET / HT').run();
    const busy = await runtime
      .connect()
      .send(GET + GET)
      .settle();
    runtime.shutdown();
    expect(idle.closed).toBe('ended');
    expect(busy.closed).toBe(null);
    go();
    await busy.settle();
    expect(repliesOf(busy.received).map((r) => r.fields.connection)).toEqual(['close']);
    expect(busy.closed).toBe('ended');
    await partial.send('TP/1.1\r\nHost: a\r\n\r\n').settle();
    expect(repliesOf(partial.received).map((r) => r.fields.connection)).toEqual(['close']);
  });

  test('hands the connection to another protocol', async () => {
    const seen: string[] = [];
    const echo = {
      name: 'echo',
      instantiate: (left: Left): Orbit => ({
        receive(bytes, start, end) {
          seen.push(Buffer.from(bytes.subarray(start, end)).toString());
          left.write(bytes, start, end);
          return end - start;
        },
        receiveEnd: () => left.end(),
        drained() {},
        tick() {},
        shutdown() {},
        close: (reason) => void seen.push(reason),
      }),
    };
    for (const later of [false, true]) {
      seen.length = 0;
      const peer = connect(async (request, reply) => {
        if (later) await null;
        reply.upgrade('echo', echo, { 'X-Key': request.header('x-key') ?? '' });
      });
      const ask =
        'GET / HTTP/1.1\r\nHost: a\r\nX-Key: k\r\nConnection: keep-alive, Upgrade\r\nUpgrade: echo\r\n\r\n';
      await peer.send(`${ask}abc`).settle();
      await peer.send('def').fin().settle();
      expect(peer.received).toBe(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\nX-Key: k\r\n\r\nabcdef',
      );
      expect(seen).toEqual(['abc', 'def', 'ended']);
    }
    const plain = connect((_request, reply) => reply.upgrade('echo', echo))
      .send(GET)
      .run();
    expect(statuses(plain)).toEqual([500]);
    const split = connect((_request, reply) => reply.upgrade('a\r\nb', echo));
    expect(
      statuses(
        split.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n').run(),
      ),
    ).toEqual([500]);
  });
});

describe('http1()', () => {
  test('validates its options', () => {
    const handle = (): void => {};
    expect(() => http1({ handle: 5 as never })).toThrow(TypeError);
    expect(() => http1({ handle, maxHeaders: '5' as never })).toThrow(TypeError);
    expect(() => http1({ handle, maxHeaders: 0 })).toThrow(
      'Cannot configure HTTP/1.1 as maxHeaders must be an integer from 1 to 10000: current value is 0',
    );
    expect(() => http1({ handle, maxHeaderBytes: Number.POSITIVE_INFINITY })).toThrow(RangeError);
    expect(() => http1({ handle, keepAliveTimeoutMs: Number.NaN })).toThrow(RangeError);
    expect(() =>
      http1({ handle, maxBodyBytes: 0, handlerTimeoutMs: Number.POSITIVE_INFINITY }),
    ).not.toThrow();
  });
});
