import { describe, expect, test } from 'vitest';
import {
  BODY_QUEUE_BYTES_MAX,
  type HttpReply,
  type HttpRequest,
  type RequestBody,
} from '../../exchange/index.js';
import { rawHandler } from '../../handlers/raw.js';
import { type MemoryConnection, MemoryRuntime, Random } from '../../runtime/memory/index.js';
import { type Http1Options, http1 } from './http1.js';

type Handler = (request: HttpRequest, reply: HttpReply) => void | Promise<void>;

const errors: unknown[] = [];
function connect(handler: Handler, options: Partial<Http1Options> = {}, highWaterBytes = 65_536) {
  errors.length = 0;
  const handle = rawHandler(handler, { onError: (error) => errors.push(error) });
  return new MemoryRuntime(http1({ handle, ...options }), { highWaterBytes }).connect();
}

const post = (length: number, body = ''): string =>
  `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n${body}`;
const chunked = (...chunks: string[]): string =>
  `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunks
    .map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`)
    .join('')}0\r\n\r\n`;
const GET = 'GET /next HTTP/1.1\r\nHost: a\r\n\r\n';
const statuses = (peer: MemoryConnection): number[] =>
  [...peer.received.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => Number(match[1]));
const echo: Handler = async (request, reply) => reply.text(await request.text());

describe('Http1Connection and request bodies', () => {
  test('reads bodies of both framings at every split and leaves what follows', async () => {
    for (const text of [post(5, 'hello'), chunked('he', 'llo')]) {
      for (let at = 1; at < text.length; at++) {
        const peer = connect(echo).send(text + GET, [at]);
        await peer.settle(3);
        expect(statuses(peer)).toEqual([200, 200]);
        expect(peer.received).toContain('\r\n\r\nhelloHTTP/1.1');
      }
    }
  });

  test('takes an empty body for none, with any method', async () => {
    const lengths: unknown[] = [];
    const peer = connect(async (request, reply) => {
      lengths.push([
        request.hasBody,
        (await request.bytes()).length,
        await request.body.read().catch(() => 'used'),
      ]);
      reply.empty();
    });
    await peer.send(`${post(0)}POST / HTTP/1.1\r\nHost: a\r\n\r\n`).settle();
    expect(lengths).toEqual([
      [false, 0, 'used'],
      [false, 0, 'used'],
    ]);
    expect(peer.left.ended).toBe(false);
  });

  test('shows the first bytes before the last came', async () => {
    const seen: string[] = [];
    const peer = connect(async (request, reply) => {
      for await (const chunk of request.body) seen.push(Buffer.from(chunk).toString());
      reply.empty();
    });
    await peer.send(post(4, 'ab')).settle();
    expect(seen).toEqual(['ab']);
    await peer.send('cd').settle();
    expect(seen).toEqual(['ab', 'cd']);
    expect(statuses(peer)).toEqual([200]);
  });

  test('keeps its own copy of what it hands out', async () => {
    // The memory runtime poisons receive buffers after each call.
    const peer = connect(async (request, reply) => {
      const pieces: Uint8Array[] = [];
      for await (const chunk of request.body) pieces.push(chunk);
      reply.bytes(Buffer.concat(pieces));
    });
    await peer.send(chunked('abc', 'def', 'g'), 2).settle(40);
    expect(peer.received).toMatch(/abcdefg$/);
  });

  test('stops reading when the handler stops, with bounded memory', async () => {
    const megabytes = 8;
    let body: RequestBody | undefined;
    let received = 0;
    let done: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      done = resolve;
    });
    const peer = connect(
      async (request, reply) => {
        body = request.body;
        await body.read();
        await gate;
        for (let chunk = await body.read(); chunk !== null; chunk = await body.read()) {
          received += chunk.length;
        }
        reply.text(String(received));
      },
      { maxBodyBytes: Number.POSITIVE_INFINITY },
    );
    const total = megabytes << 20;
    peer.send(post(total)).send(new Uint8Array(total), 16_384);
    await peer.settle();
    expect(peer.left.paused).toBe(true);
    expect(total - peer.pendingBytes).toBeLessThan(BODY_QUEUE_BYTES_MAX + 3 * 16_384);
    done();
    await peer.settle(600);
    expect(peer.received).toMatch(new RegExp(`${total - 16_384}$`));
  });

  test('receives nothing while nobody reads', async () => {
    let reply: HttpReply | undefined;
    const peer = connect((_request, late) => {
      reply = late;
    });
    await peer.send(post(10, 'ab')).settle();
    expect(peer.left.paused).toBe(true);
    expect(peer.pendingBytes).toBe(2);
    reply?.text('unread');
    await peer.settle();
    await peer.send(`cdefghij${GET}`).settle();
    expect(statuses(peer)).toEqual([200]);
    reply = undefined;
  });

  test('drains a small rest and reuses the connection', async () => {
    for (const text of [post(5, 'hello'), chunked('hello', 'world')]) {
      for (const splits of ['none', 1, 7] as const) {
        const peer = connect((_request, reply) => reply.text('unread'));
        await peer.send(text + GET, splits).settle();
        expect(statuses(peer)).toEqual([200, 200]);
        expect(peer.left.ended).toBe(false);
      }
    }
  });

  test('closes instead of draining a large rest, and says so when it knows', async () => {
    const peer = connect((_request, reply) => reply.text('unread'));
    await peer.send(post(70_000, 'a'.repeat(1000))).settle();
    expect(peer.received).toContain('Connection: close');
    expect(peer.closed).toBe('ended');
    const unknown = connect((_request, reply) => reply.text('unread'));
    await unknown.send(chunked('a'.repeat(40_000), 'b'.repeat(40_000)) + GET, 4_096).settle();
    expect(statuses(unknown)).toEqual([200]);
    expect(unknown.closed).toBe('ended');
  });

  test('drains the rest a reader left', async () => {
    const peer = connect(async (request, reply) => {
      for await (const _chunk of request.body) break;
      reply.text('enough');
    });
    await peer.send(post(6, 'abc')).settle();
    await peer.send(`def${GET}`).settle();
    expect(statuses(peer)).toEqual([200, 200]);
  });

  test('refuses what is above maxBodyBytes without calling the handler', async () => {
    let calls = 0;
    const handler: Handler = (_request, reply) => {
      calls++;
      reply.empty();
    };
    expect(
      statuses(await connect(handler, { maxBodyBytes: 4 }).send(post(5, 'hello')).settle()),
    ).toEqual([413]);
    expect(statuses(await connect(handler, { maxBodyBytes: 0 }).send(post(1)).settle())).toEqual([
      413,
    ]);
    expect(calls).toBe(0);
    const one = connect(echo, { maxBodyBytes: 5 });
    expect(statuses(await one.send(post(5, 'hello')).settle())).toEqual([200]);
    const many = connect(echo, { maxBodyBytes: 5 });
    expect(statuses(await many.send(chunked('abc', 'def') + GET).settle())).toEqual([413]);
    expect(errors).toMatchObject([{ code: 'BODY_TOO_LARGE', status: 413 }]);
  });

  test('holds a reading to its own limit', async () => {
    const limited: Handler = async (request, reply) =>
      reply.text(await request.text({ maxBytes: 3 }));
    expect(
      statuses(
        await connect(limited)
          .send(post(4, 'abcd') + GET)
          .settle(),
      ),
    ).toEqual([413, 200]);
    expect(
      statuses(
        await connect(limited)
          .send(chunked('ab', 'cd') + GET)
          .settle(),
      ),
    ).toEqual([413, 200]);
    expect(
      statuses(
        await connect(limited)
          .send(chunked('ab', 'c') + GET)
          .settle(),
      ),
    ).toEqual([200, 200]);
  });

  test('fails the reader and answers 400 when the framing breaks', async () => {
    for (const bad of ['5\r\nhelloXX', 'x\r\n', '5\r\nhel']) {
      const peer = connect(echo);
      const head = chunked().slice(0, -5);
      await peer
        .send(head + bad)
        .fin()
        .settle();
      expect(statuses(peer)).toEqual([400]);
      expect(errors).toMatchObject([{ code: 'BODY_INVALID' }]);
      expect(peer.closed).toBe('ended');
    }
    const short = connect(echo);
    await short.send(post(5, 'hel')).fin().settle();
    expect([statuses(short), short.closed]).toEqual([[400], 'ended']);
  });

  test('parses JSON, or answers 400', async () => {
    const json: Handler = async (request, reply) => reply.json(await request.json());
    expect((await connect(json).send(post(7, '{"a":1}')).settle()).received).toMatch(/\{"a":1\}$/);
    expect(
      statuses(
        await connect(json)
          .send(post(3, '{a}') + GET)
          .settle(),
      ),
    ).toEqual([400, 400]);
  });

  test('gives trailers after the body', async () => {
    const peer = connect(async (request, reply) => {
      const before = request.trailers.length;
      await request.bytes();
      reply.json([before, request.trailers]);
    });
    const text = `${chunked('abc').slice(0, -2)}X-Sum: 1\r\nHost: b\r\n\r\n`;
    await peer.send(text + GET, 3).settle(10);
    expect(peer.received).toContain('[0,[["X-Sum","1"]]]');
  });

  test('echoes while it receives', async () => {
    const peer = connect(async (request, reply) => {
      for await (const chunk of request.body) if (!reply.write(chunk)) await reply.drained();
      reply.end();
    });
    const body = Buffer.alloc(300_000, 'abc');
    await peer.send(post(body.length)).send(body, 10_000).send(GET).settle(120);
    let rest = peer.received.slice(peer.received.indexOf('\r\n\r\n') + 4);
    let echoed = '';
    for (let size = -1; size !== 0; ) {
      size = Number.parseInt(rest, 16);
      const from = rest.indexOf('\r\n') + 2;
      echoed += rest.slice(from, from + size);
      rest = rest.slice(from + size + 2);
    }
    expect(echoed === body.toString()).toBe(true);
    expect(statuses(peer)).toEqual([200, 200]);
  });
});

describe('Http1Connection and back-pressure of replies', () => {
  test('makes the writer wait for a peer that does not read', async () => {
    let written = 0;
    const peer = connect(async (_request, reply) => {
      for (let i = 0; i < 100; i++) {
        written++;
        if (!reply.write(new Uint8Array(10_000))) await reply.drained();
      }
      reply.end();
    });
    peer.reads = false;
    await peer.send(GET).settle();
    expect(written).toBeLessThan(10);
    expect(peer.left.queuedBytes).toBeLessThan(80_000);
    peer.reads = true;
    await peer.settle(40);
    expect(written).toBe(100);
    expect(peer.receivedBytes.length).toBeGreaterThan(1_000_000);
  });

  test('takes no further pipelined requests while the peer does not read', () => {
    let calls = 0;
    const peer = connect((_request, reply) => {
      calls++;
      reply.bytes(new Uint8Array(20_000));
    });
    peer.reads = false;
    peer.send(GET.repeat(100)).run();
    expect(calls).toBeLessThan(6);
    peer.reads = true;
    peer.run();
    expect(calls).toBe(100);
    expect(statuses(peer)).toHaveLength(100);
  });

  test('tells a waiting writer that the peer is gone', async () => {
    const peer = connect(async (_request, reply) => {
      for (;;) if (!reply.write(new Uint8Array(50_000))) await reply.drained();
    });
    peer.reads = false;
    await peer.send(GET).settle();
    peer.reset();
    await peer.settle();
    expect(errors).toMatchObject([{ code: 'PEER_GONE' }]);
  });
});

describe('Http1Connection under a seeded mix', () => {
  test('answers 20 requests on each of 20 connections with their own bodies', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new Random(seed);
      const handle = rawHandler(async (request, reply) => {
        const tag = request.header('x-tag') ?? '';
        const body = await request.text();
        if (body.length % 3 === 0) reply.text(`${tag}:${body}`);
        else {
          reply.write(`${tag}:`);
          await null;
          reply.end(body);
        }
      });
      const peer = new MemoryRuntime(http1({ handle }), { seed }).connect();
      let expected = '';
      for (let i = 0; i < 20; i++) {
        const body = 'b'.repeat(random.below(200));
        const tag = `${seed}-${i}`;
        expected += `${tag}:${body}|`;
        const start = `POST / HTTP/1.1\r\nHost: a\r\nX-Tag: ${tag}\r\n`;
        if (random.oneIn(2))
          peer.send(`${start}Content-Length: ${body.length}\r\n\r\n${body}`, 'random');
        else {
          const half = body.slice(0, body.length >> 1);
          const rest = body.slice(half.length);
          const chunks = [half, rest]
            .filter((c) => c.length > 0)
            .map((c) => `${c.length.toString(16)}\r\n${c}\r\n`);
          peer.send(
            `${start}Transfer-Encoding: chunked\r\n\r\n${chunks.join('')}0\r\n\r\n`,
            'random',
          );
        }
      }
      await peer.settle(80);
      const bodies = peer.received
        .split(/HTTP\/1\.1 200 OK\r\n/)
        .slice(1)
        .map((reply) => {
          const body = reply.slice(reply.indexOf('\r\n\r\n') + 4);
          if (!/Transfer-Encoding/.test(reply)) return body;
          return body.replace(/(?:^|\r\n)[0-9a-f]+\r\n/g, '').replace(/\r\n$/, '');
        });
      expect(`seed ${seed}: ${bodies.join('|')}|`).toBe(`seed ${seed}: ${expected}`);
    }
  });
});
